package ringsql_test

import (
	"context"
	"database/sql"
	"fmt"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

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
	defer store.Close()
	log, err := store.Log(0)
	fmt.Println(len(log), err)
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
