package sample

// given and family are names of nobody in particular, some of them in other
// scripts: lists of customers have those.
var (
	given  = [...]string{"Ada", "Bruno", "Chloé", "Dagmar", "Emre", "Fatima", "Gül", "Håkon", "Ines", "Jürgen", "Κώστας", "Лена", "美咲"}
	family = [...]string{"Baker", "Çelik", "Dvořák", "Eriksson", "Fischer", "García", "Hoffmann", "Ivanova", "Jørgensen", "Kowalski", "Müller"}
)
