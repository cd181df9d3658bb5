module github.com/doublekeybox/doublekeybox/transport

go 1.26.6

replace github.com/doublekeybox/doublekeybox => ../
