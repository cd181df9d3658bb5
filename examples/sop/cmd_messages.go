package main

// messageCommands are the subcommands on messages that are encrypted.
func messageCommands() []command { return []command{encryptCommand(), decryptCommand()} }
