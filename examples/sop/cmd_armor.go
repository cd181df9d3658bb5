package main

// armorCommands are the subcommands on ASCII armor.
func armorCommands() []command { return nil }
