package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"verdict/web/admin"
)

// The picture in a terminal, in columns and lines.
const (
	planWidth  = 96
	chartWidth = 80
	gutter     = planWidth - chartWidth
	chartRows  = 6
)

// The signs of checks.
const (
	signPlanned = '●'
	signFloor   = '◆'
)

// printPlan prints a plan as text.
func printPlan(to io.Writer, p admin.Prospect) error {
	list, err := courses(p)
	if err != nil {
		return err
	}
	var lines []string
	for _, text := range standingWords(p) {
		lines = append(lines, wrapped(text, planWidth, "  ")...)
	}
	a := newAxis(list)
	for _, c := range list {
		lines = append(lines, courseLines(a, c)...)
	}
	lines = append(lines, "", fmt.Sprintf("%c %s  %c %s", signPlanned, legendBetween(p), signFloor, legendFloor), legendDelay)
	for _, line := range lines {
		if _, err := fmt.Fprintln(to, printed(strings.TrimRight(line, " "))); err != nil {
			return err
		}
	}
	return nil
}

// courseLines are a course with its chart and its figures.
func courseLines(a axis, c course) []string {
	lines := append([]string{""}, wrapped(c.name+": "+c.words(), planWidth, "  ")...)
	lines = append(append(append(lines, ""), picture(a, c)...), "")
	lines = append(lines, wrapped(c.settleWords(), planWidth, "  ")...)
	for _, way := range c.ways() {
		lines = append(lines, wrapped(way.words(), planWidth, "  ")...)
	}
	var figures strings.Builder
	t := newTable(&figures)
	for _, row := range c.figures() {
		t.row(row...)
	}
	_ = t.Flush() // which writes to a text
	return append(lines, strings.Split(strings.TrimSuffix(figures.String(), "\n"), "\n")...)
}

// wrapped puts the words of a text into lines of at most so many characters; all but the first are indented.
func wrapped(text string, width int, indent string) (lines []string) {
	line := ""
	for n, word := range strings.Fields(text) {
		switch {
		case n == 0:
			line = word
		case len([]rune(line))+1+len([]rune(word)) > width:
			lines = append(lines, line)
			line = indent + word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// picture is a course as a chart of its verdicts over time, and its checks beneath.
func picture(a axis, c course) (lines []string) {
	heights := a.heights(c.Settle, chartWidth)
	for row := chartRows - 1; row >= 0; row-- {
		line := []rune(strings.Repeat(" ", planWidth))
		for k, height := range heights {
			line[gutter+k] = block(height*chartRows - float64(row))
		}
		if p, cut := a.spike(c.Settle); cut && row == chartRows-1 {
			_, end := a.reach(p)
			name := []rune(shareWords(p.Share))
			copy(line[min(columnOf(end)+2, planWidth-len(name)):], name)
		}
		lines = append(lines, string(line))
	}
	lines = append(lines, rule(a)...)
	for _, way := range c.ways() {
		lines = append(lines, marks(a, way))
	}
	return lines
}

// block is a block as high as told, of 1.
func block(height float64) rune {
	eighths := int(math.Round(8 * min(max(height, 0), 1)))
	return []rune(" ▁▂▃▄▅▆▇█")[eighths]
}

// rule is an axis, and beneath it the names of its ticks.
func rule(a axis) []string {
	line := []rune(strings.Repeat(" ", gutter) + strings.Repeat("─", chartWidth))
	names := []rune(strings.Repeat(" ", planWidth))
	free := 0 // where there is room for a name
	for _, t := range a.ticks() {
		at, name := columnOf(t.at), []rune(t.name)
		begin := min(at-len(name)/2, planWidth-len(name))
		if begin < free {
			continue
		}
		line[at] = '┴'
		copy(names[begin:], name)
		free = begin + len(name) + 1
	}
	return []string{string(line), string(names)}
}

// columnOf is the column of a place on an axis.
func columnOf(at float64) int { return gutter + min(int(at*chartWidth), chartWidth-1) }

// marks are the checks of a way of asking, beneath the axis. The schedule's stand before others in the same place.
func marks(a axis, way asks) string {
	line := []rune(fmt.Sprintf("%-*s", planWidth, way.name))
	for _, c := range way.Checks {
		at := columnOf(a.at(float64(c.AtMS)))
		if c.Floor {
			line[at] = signFloor
		} else if line[at] != signFloor {
			line[at] = signPlanned
		}
	}
	return string(line)
}
