package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"verdict"
	"verdict/web/admin"
)

// completionTimeout is how long a shell waits for the gateway that is asked.
const completionTimeout = 2 * time.Second

// completeNothing is what a shell offers where nothing is said: names of files are right in few places, which say so.
const completeNothing = cobra.ShellCompDirectiveNoFileComp

// files are the settings that name one, by how its name ends; a folder's is without.
var files = map[string][]string{
	"config": {"yaml", "yml"}, "stream-dir": nil, "retention-archive": nil, "stream-credentials": {"creds"},
	"tls-cert": {"pem", "crt"}, "tls-key": {"pem", "key"}, "admin-tls-cert": {"pem", "crt"}, "admin-tls-key": {"pem", "key"},
	"stream-tls-ca": {"pem", "crt"}, "stream-tls-cert": {"pem", "crt"}, "stream-tls-key": {"pem", "key"},
}

// completeFiles has shells offer files for the settings that name one.
func completeFiles(flags *pflag.FlagSet) {
	for name, ends := range files {
		err := cobra.MarkFlagFilename(flags, name, ends...)
		if ends == nil {
			err = cobra.MarkFlagDirname(flags, name)
		}
		if err != nil {
			panic(err) // there is no such setting
		}
	}
}

// completeFile offers the files that there are, for the first argument.
func completeFile(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, completeNothing
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// completeConfigured offers the partners of the configuration, whether or not the rest of it is valid.
func completeConfigured(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, completeNothing
	}
	k, err := loadSettings(cmd.Flags(), os.Environ())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return k.MapKeys("providers"), completeNothing
}

// completePartners offers the partners of the gateway that the operator speaks to.
func (o *operator) completePartners() cobra.CompletionFunc {
	return completeAsked(o, "/v1/partners", func(list admin.PartnerList) (names []string) {
		for _, p := range list.Partners {
			names = append(names, p.Name)
		}
		return names
	})
}

// completeEndpoints offers the endpoints that fit, of those on record at the gateway that the operator speaks to.
func (o *operator) completeEndpoints(fits func(admin.Endpoint) bool) cobra.CompletionFunc {
	return completeAsked(o, "/v1/endpoints", func(list admin.EndpointList) (names []string) {
		for _, e := range list.Endpoints {
			if fits(e) {
				names = append(names, e.Name)
			}
		}
		return names
	})
}

// completeAsked offers, for the first argument, the names in what the gateway answers.
func completeAsked[T any](o *operator, path string, names func(T) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, completeNothing
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		var told T
		answer, err := o.call(ctx, http.MethodGet, path, nil)
		if err != nil || json.Unmarshal(answer, &told) != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		return names(told), completeNothing
	}
}

// completeOutcome offers what a person may resolve a transaction to, after its id.
func completeOutcome(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return nil, completeNothing
	}
	return []string{string(verdict.Succeeded), string(verdict.Failed)}, completeNothing
}
