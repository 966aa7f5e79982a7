package main

import (
	_ "embed"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"verdict/web/admin"
)

//go:embed plan.css
var planStyle string

// drawing is what an SVG shows, each thing where it stands, in pixels.
type drawing struct {
	Width, Height      int
	Title, Description string
	Bars, Lines        []string // paths
	Marks              []drawnMark
	Texts              []drawnText
}

type drawnMark struct {
	X, Y  int
	Floor bool
	Title string
}

type drawnText struct {
	X, Y  int
	Class string
	Text  string
}

// The measures of a drawing.
const (
	drawnWidth = 960
	margin     = 24
	chartLeft  = 130
	chartRight = drawnWidth - margin
	chartHigh  = 120
	drawnParts = 200 // of the axis
	lineHeight = 20
	rowHeight  = 24
	drawnChars = 120 // in a line
)

// drawPlan draws a plan as an SVG that needs nothing from elsewhere.
func drawPlan(to io.Writer, p admin.Prospect) error {
	list, err := courses(p)
	if err != nil {
		return err
	}
	_, err = io.WriteString(to, newDrawing(p, list).svg())
	return err
}

// svg is the drawing as text. Paths and classes need no escaping.
func (d *drawing) svg() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title desc" lang="en" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d">`+"\n",
		d.Width, d.Height)
	fmt.Fprintf(&b, "<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n<style>\n%s</style>\n", escaped(d.Title), escaped(d.Description), planStyle)
	b.WriteString(`<rect class="paper" width="100%" height="100%"/>` + "\n")
	for _, path := range d.Bars {
		fmt.Fprintf(&b, `<path class="bars" d="%s"/>`+"\n", path)
	}
	for _, path := range d.Lines {
		fmt.Fprintf(&b, `<path class="line" d="%s"/>`+"\n", path)
	}
	for _, m := range d.Marks {
		b.WriteString(m.svg() + "\n")
	}
	for _, t := range d.Texts {
		fmt.Fprintf(&b, `<text x="%d" y="%d"`, t.X, t.Y)
		if t.Class != "" {
			fmt.Fprintf(&b, ` class="%s"`, t.Class)
		}
		fmt.Fprintf(&b, ">%s</text>\n", escaped(t.Text))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (m drawnMark) svg() string {
	title := ""
	if m.Title != "" {
		title = "<title>" + escaped(m.Title) + "</title>"
	}
	if m.Floor {
		return fmt.Sprintf(`<path class="floor" d="M%d %dm0 -6l6 6l-6 6l-6 -6z">%s</path>`, m.X, m.Y, title)
	}
	return fmt.Sprintf(`<circle class="planned" cx="%d" cy="%d" r="5">%s</circle>`, m.X, m.Y, title)
}

// escaped is a text as XML takes it.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // fails if writing does
	return b.String()
}

func newDrawing(p admin.Prospect, list []course) *drawing {
	a := newAxis(list)
	d := &drawing{Width: drawnWidth, Height: margin, Title: "When " + p.Name + " is asked for verdicts"}
	d.paragraph("name", d.Title)
	for _, line := range standingWords(p) {
		d.paragraph("", line)
	}
	about := standingWords(p)
	for _, c := range list {
		d.Height += lineHeight
		d.paragraph("name", c.name)
		d.paragraph("soft", c.words())
		d.chart(a, c)
		d.figures(c)
		about = append(about, c.name+": "+c.words(), c.settleWords())
		for _, way := range c.ways() {
			about = append(about, way.words())
		}
	}
	d.legend(legendBetween(p))
	d.Description = strings.Join(about, "\n")
	return d
}

// write writes at the foot of what is drawn already.
func (d *drawing) write(x int, class, text string) {
	d.Texts = append(d.Texts, drawnText{x, d.Height, class, text})
}

// paragraph writes a text in as many lines as it takes.
func (d *drawing) paragraph(class, text string) {
	for _, line := range wrapped(text, drawnChars, "") {
		d.Height += lineHeight
		d.write(margin, class, line)
	}
}

// chart draws the verdicts of a course over time, and its checks beneath.
func (d *drawing) chart(a axis, c course) {
	d.Height += rowHeight
	d.bars(a, c)
	d.Height += chartHigh
	d.Lines = append(d.Lines, fmt.Sprintf("M%d %dH%d", chartLeft, d.Height, chartRight))
	base := d.Height
	for _, t := range a.ticks() {
		d.Lines = append(d.Lines, fmt.Sprintf("M%d %dv6", place(t.at), base))
		d.Texts = append(d.Texts, drawnText{place(t.at), base + lineHeight, "soft middle", t.name})
	}
	d.Height += lineHeight
	for _, way := range c.ways() {
		d.Height += rowHeight
		d.write(margin, "", way.name)
		for _, check := range way.Checks {
			d.Marks = append(d.Marks, drawnMark{place(a.at(float64(check.AtMS))), d.Height - 4, check.Floor, span(check.AtMS)})
		}
	}
}

// place is where a place on an axis is drawn.
func place(at float64) int { return chartLeft + int(at*(chartRight-chartLeft)) }

// bars draws the verdicts of a course, one part of the axis beside the other.
func (d *drawing) bars(a axis, c course) {
	base := d.Height + chartHigh
	path := fmt.Sprintf("M%d %d", chartLeft, base)
	for k, height := range a.heights(c.Settle, drawnParts) {
		path += fmt.Sprintf("V%.1fH%d", float64(base)-height*chartHigh, place(float64(k+1)/drawnParts))
	}
	d.Bars = append(d.Bars, path+fmt.Sprintf("V%dz", base))
	if p, cut := a.spike(c.Settle); cut {
		_, end := a.reach(p)
		d.Texts = append(d.Texts, drawnText{min(place(end)+6, chartRight-lineHeight), d.Height + 10, "soft", shareWords(p.Share)})
	}
}

// figures writes the numbers of a course.
func (d *drawing) figures(c course) {
	d.Height += 10
	d.paragraph("", c.settleWords())
	for n, row := range c.figures() {
		d.Height += lineHeight
		class := ""
		if n == 0 {
			class = "soft"
		}
		d.write(margin, class, row[0])
		for k, cell := range row[1:] {
			d.write(margin+340+k*130, strings.TrimSpace(class+" end"), cell)
		}
	}
}

// legend explains the signs and the figures.
func (d *drawing) legend(name string) {
	d.Height += 2 * lineHeight
	d.Marks = append(d.Marks, drawnMark{margin + 6, d.Height - 4, false, ""})
	d.write(margin+20, "soft", name)
	d.Height += lineHeight
	d.Marks = append(d.Marks, drawnMark{margin + 6, d.Height - 4, true, ""})
	d.write(margin+20, "soft", legendFloor)
	d.Height += lineHeight
	d.write(margin, "soft", legendDelay)
	d.Height += margin
}
