package main

// keyCommands are the subcommands on keys and certificates.
func keyCommands() []command { return nil }
