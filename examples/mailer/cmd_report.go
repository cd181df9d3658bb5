package main

import (
	"path/filepath"

	"github.com/spf13/cobra"
)

func (a *app) reportCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "report RUN",
		Short: "Say what became of a run, and write report.html",
		Long: `Say what became of a run, from its journal, which is verified while it is read;
and write RUN/report.html, a page for people that stands alone.`,
		Example: `  mailer report october
  mailer report --json october`,
		Args: oneRun,
		RunE: func(_ *cobra.Command, args []string) error {
			summary, err := readSummary(args[0])
			if err != nil {
				return err
			}
			if err := writeWhole(filepath.Join(args[0], reportName), summary.WriteHTML); err != nil {
				return err
			}
			if asJSON {
				return summary.WriteJSON(a.stdout)
			}
			return a.printSummary(summary, args[0], "")
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON, for programs")
	return c
}
