// Sends three transactions to each URL, and prints what the client makes of the answer; asks the last one for the rest.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"program/powersyncwrites"
)

func put(number int64, table string, values powersyncwrites.Values) powersyncwrites.Transaction {
	handling := int64(0)
	return powersyncwrites.Transaction{
		TransactionId: &number,
		Handling:      &handling,
		Crud: []powersyncwrites.CrudEntry{{
			Op: "PUT", Id: fmt.Sprintf("00000000-0000-0000-0000-%012d", number), Table: table, OpId: &number, OpData: &values,
		}},
	}
}

func main() {
	ctx := context.Background()
	device := "go"
	batch := powersyncwrites.BatchUpload{
		ClientId: &device,
		Transactions: []powersyncwrites.Transaction{
			put(1, "lists", powersyncwrites.Values{"name": "Bread", "note": nil}),
			put(2, "lists", powersyncwrites.Values{}),
			put(3, "nowhere", powersyncwrites.Values{}),
		},
	}
	token := func(context.Context) (string, error) { return "ann", nil }
	var endpoint powersyncwrites.Endpoint
	for _, url := range os.Args[1:] {
		endpoint = powersyncwrites.Endpoint{URL: url, Token: token}
		verdict, err := endpoint.Upload(ctx, batch)
		if err != nil {
			panic(err)
		}
		words := []string{fmt.Sprint(verdict.Completed), string(verdict.Next), fmt.Sprint(verdict.Wait.Milliseconds())}
		for _, result := range verdict.Results {
			words = append(words, result.Status)
		}
		fmt.Println(strings.Join(words, " "))
	}
	limits, err := endpoint.Limits(ctx)
	if err != nil {
		panic(err)
	}
	checkpoint, err := endpoint.CreateCheckpoint(ctx, powersyncwrites.CheckpointBody{ClientId: device})
	if err != nil {
		panic(err)
	}
	fmt.Println(limits.ContractVersion, checkpoint.Checkpoint)
}
