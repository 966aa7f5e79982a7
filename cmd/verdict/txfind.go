package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"verdict/web/admin"
)

func (o *operator) findCommand() *cobra.Command {
	var limit int
	told := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "find [ID|KEY]",
		Short: "Find transactions by what is known of them",
		Long: `Finds a transaction by its id, or those that had an idempotency key, also when the key may be used again; or those of a
time, a status, a stage or a partner, the youngest first. An id is found at once. For anything else it goes back from --until
and looks at 5,000 transactions, however many there are; where more is left it says how far it came and how to go on.
Who knows the day of a key finds it sooner with --from and --until.`,
		Example: `  verdict tx find 152399-536694
  verdict tx find 152399-536694 --from 2026-01-14T00:00:00Z --until 2026-01-15T00:00:00Z
  verdict tx find --status failed --provider djamo --from 2026-01-14T09:00:00Z --until 2026-01-14T10:00:00Z`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{"q": {strings.Join(args, "")}, "limit": {strconv.Itoa(limit)}}
			for name, value := range told {
				query.Set(name, *value)
			}
			return ask(cmd.Context(), o, http.MethodGet, "/v1/search?"+query.Encode(), nil, printFound)
		},
	}
	for name, usage := range map[string]string{
		"status": "pending, succeeded or failed", "stage": "accepted, sending, waiting, review or settled",
		"provider": "whose transactions", "from": "accepted then or later, such as 2026-01-14T09:00:00Z",
		"until": "accepted before", "below": "go on below this id, as the end of the page before says",
	} {
		told[name] = cmd.Flags().String(name, "", usage)
	}
	cmd.Flags().IntVar(&limit, "limit", admin.DefaultLimit, "how many at most, up to "+strconv.Itoa(admin.MaxLimit))
	return cmd
}

func printFound(to io.Writer, found admin.Found) error {
	if found.Next == "" {
		return printTransactions(to, found.Transactions, 0)
	}
	if len(found.Transactions) > 0 { // else it isn't known yet that there are none
		if err := printTransactions(to, found.Transactions, 0); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(to, "%d found among %d, back to %s. There may be more: --below %s\n",
		len(found.Transactions), found.Looked, moment(found.Back), found.Next)
	return err
}
