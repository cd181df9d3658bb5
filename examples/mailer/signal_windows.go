package main

import "os"

func endingSignals() []os.Signal { return []os.Signal{os.Interrupt} }
