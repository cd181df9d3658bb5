package main

// signatureCommands are the subcommands on messages that are signed only.
func signatureCommands() []command {
	return []command{
		signCommand(), verifyCommand(),
		inlineSignCommand(), inlineVerifyCommand(), inlineDetachCommand(),
	}
}
