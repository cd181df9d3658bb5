package ringsql_test

import (
	"context"
	"database/sql"
	"fmt"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/doublekeybox/doublekeybox/keyring"
	"github.com/doublekeybox/doublekeybox/pgp"
	"github.com/doublekeybox/doublekeybox/smime"
	"github.com/doublekeybox/doublekeybox/transport/ringsql"
)

func ExampleOpen() {
	ctx := context.Background()
	db, err := sql.Open("pgx", "postgres://mail@db.example.org/mail?sslmode=verify-full")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	store, err := ringsql.Open(ctx, db, "claims")
	if err != nil {
		fmt.Println(err)
		return
	}
	ring, err := keyring.Policy{}.NewRing(store, pgp.ParseCertificate, smime.ParseCertificate)
	if err != nil {
		store.Close()
		fmt.Println(err)
		return
	}
	defer ring.Close() // and with it the store
	to, err := ring.Recipients("bob@example.org")
	fmt.Println(len(to), err)
}

func ExampleCreate() {
	db, err := sql.Open("pgx", "postgres://owner@db.example.org/mail?sslmode=verify-full")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	if err := ringsql.Create(context.Background(), db); err != nil {
		fmt.Println(err)
	}
}
