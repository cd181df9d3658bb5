package main

import "os"

var endingSignals = []os.Signal{os.Interrupt}

// ignoreFileSize does nothing: Windows has no such limit.
func ignoreFileSize() {}
