module github.com/doublekeybox/doublekeybox/examples

go 1.26.6

require github.com/doublekeybox/doublekeybox v0.0.0

replace github.com/doublekeybox/doublekeybox => ../
