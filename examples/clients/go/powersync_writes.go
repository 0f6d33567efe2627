// A client of the write endpoint, by version 1.0.0 of its contract: models, and what to do with each answer.
// Made from openapi.yaml by npm run generate. Copy it into your project.
//
// Go 1.18 and its standard library.
package powersyncwrites

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Values are an object of any values. A pointer to an empty one is sent as {}.
type Values map[string]any

// One operation on one row. A `PUT` or `PATCH` has its columns under one of the names of `op_data`, and be it `{}`: one that carries no
// data is `INVALID_TRANSACTION`.
type CrudEntry struct {
	// `PUT` writes the whole row, `PATCH` changes the named columns of a row that exists, `DELETE` removes it. A `PATCH` or `DELETE` of a
	// row that does not exist succeeds and writes nothing.
	Op string `json:"op"`
	// The table's name in the client's schema.
	Table string `json:"table"`
	// The row's id.
	Id string `json:"id"`
	// The entry's id in the device's upload queue.
	OpId *int64 `json:"op_id,omitempty"`
	// The id of the local transaction that the entry belongs to.
	TransactionId *int64 `json:"transaction_id,omitempty"`
	// `PUT`: every column that is not NULL. `PATCH`: the changed columns, NULLs included. `DELETE`: absent.
	//
	// A named mutation is a `PUT` into the table `powersync_mutations` with `name`, the mutator's, and `args`, its arguments as JSON text. The other entries of its transaction are what the device shows meanwhile; the server does not apply them, unless the mutator says so.
	OpData *Values `json:"op_data,omitempty"`
	// The row before the change, if the client's schema tracks it.
	PreviousValues *Values `json:"previous_values,omitempty"`
	// The text that the application put in `_metadata`, if the client's schema tracks it.
	Metadata *string `json:"metadata,omitempty"`
}

// The operations of one local transaction, applied together or not at all. A transaction without operations succeeds.
type Transaction struct {
	// The local transaction's id. If it is missing, the entries' id is used, if all of them have the same.
	TransactionId *int64 `json:"transaction_id,omitempty"`
	// How often the application has decided to keep the transaction after `requires_client_handling`: 0 at first, and stored on the device before
	// the transaction is sent again. An answer that leaves the decision to the client is saved with it: a copy with the same number or a lower
	// one gets that answer and writes nothing, one with a higher number is tried. `success`, and what was recorded, is final regardless of the
	// number. Without this member, no such answer is saved, and a late copy may overwrite what has been written since.
	Handling *int64 `json:"handling,omitempty"`
	// In the order in which the device made them; at most the server's limit, 10,000 by default.
	Crud []CrudEntry `json:"crud"`
}

// Several transactions, in the order of the device's queue.
type BatchUpload struct {
	// The device's client id, from the PowerSync SDK (`getClientId()`). With it, and an `op_id` on every entry, a transaction that
	// is sent twice is applied once. An empty text counts as absent.
	ClientId *string `json:"client_id,omitempty"`
	// For a device that keeps several upload queues under one client id. An empty text counts as absent.
	QueueId *string `json:"queue_id,omitempty"`
	// At least one; at most the server's limit, 100 by default.
	Transactions []Transaction `json:"transactions"`
}

type CheckpointBody struct {
	// The device, by `getClientId()`.
	ClientId string `json:"client_id"`
}

type CheckpointRequestBody struct {
	// The device, by `getClientId()`.
	ClientId string `json:"client_id"`
	// The client's own number, from 0 to 9223372036854775807, as digits; or as an integer, if every JSON parser represents it exactly.
	CheckpointRequestId string `json:"checkpoint_request_id"`
}

// Which operation failed, and why.
type FailedOperation struct {
	// One of the library's codes, or one of the application's own.
	ErrorCode string `json:"error_code"`
	// For people. Never the database's own text.
	Message *string `json:"message,omitempty"`
	// For a failure about a value, an object with `column`, the client's name for the column, and `columns` if there are several. Otherwise any JSON value that the application adds.
	Details any `json:"details,omitempty"`
	// The operation's index in `crud` (or `batch`), from 0. Missing if the failure belongs to no single operation.
	OperationIndex *int64 `json:"operation_index,omitempty"`
}

// The result of one transaction.
type TransactionResult struct {
	Status string `json:"status"`
	// For people.
	Message *string `json:"message,omitempty"`
	// Milliseconds to wait. If it is missing, the client chooses.
	RetryAfterMs *int64 `json:"retry_after_ms,omitempty"`
	// True where the server has recorded nothing and leaves the decision to the client. It ends the batch. To a transaction that came with
	// `handling` the answer is final until it comes with a higher one.
	RequiresClientHandling *bool `json:"requires_client_handling,omitempty"`
	// Which operation failed, and why.
	FailedOperation *FailedOperation `json:"failed_operation,omitempty"`
}

type BatchResponse struct {
	// One for each transaction, in the request's order.
	Results []TransactionResult `json:"results"`
}

type CheckpointResponse struct {
	// Digits, for `complete(checkpoint)`.
	Checkpoint string `json:"checkpoint"`
}

type CheckpointRequestResponse struct {
	// Digits.
	CheckpointRequestId string `json:"checkpoint_request_id"`
}

// 9007199254740991 means that there is no limit.
type Limits struct {
	// Bytes of the body, as sent and as decompressed. Beyond it, 413.
	BodyBytes int64 `json:"body_bytes"`
	// Transactions in one request. Beyond it, 400.
	Transactions int64 `json:"transactions"`
	// Operations in one transaction. Beyond this and the next four limits, the transaction is `INVALID_TRANSACTION`.
	Operations int64 `json:"operations"`
	// Levels of nesting in one operation's members; `op_data` itself is the first.
	Depth int64 `json:"depth"`
	// Keys of `op_data`, `previous_values` and the objects inside them, in one transaction.
	Keys int64 `json:"keys"`
	// JSON values in one transaction. A body with more than twice as many in all its transactions is answered with 413.
	Values *int64 `json:"values,omitempty"`
	// UTF-16 code units of one text.
	StringLength int64 `json:"string_length"`
	// One caller's requests in progress at once. Beyond it, 429.
	ConcurrentRequests *int64 `json:"concurrent_requests,omitempty"`
}

// How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
type Timeouts struct {
	// After this many milliseconds, no further transaction of the request is begun.
	RequestMs int64 `json:"request_ms"`
	// One database transaction. A transaction that fails needs a second one, in which it is recorded.
	TransactionMs int64 `json:"transaction_ms"`
}

type LimitsResponse struct {
	// The version of this document. The first number changes only when old clients would break.
	ContractVersion string `json:"contract_version"`
	// 9007199254740991 means that there is no limit.
	Limits Limits `json:"limits"`
	// How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
	Timeouts *Timeouts `json:"timeouts,omitempty"`
	// The names of this server's optional features. Ignore names that you do not know.
	Features []string `json:"features"`
}

type Message struct {
	// For people.
	Message string `json:"message"`
}

// Next says what to do with the rest of the queue.
type Next string

const (
	// GoOn: all have been answered. Send what comes next.
	GoOn Next = "go_on"
	// SendAgain: send the rest, which has not been tried, at once.
	SendAgain Next = "send_again"
	// Wait: send the rest after Verdict.Wait.
	Wait Next = "wait"
	// NewToken: get another token, then send the rest.
	NewToken Next = "new_token"
	// AskApp: the application decides about the first of the rest. The server has recorded nothing of it. To have it tried again, send it with
	// a Handling that is higher by one.
	AskApp Next = "ask_app"
	// Report: the request, or the set-up, is at fault. Keep the rest, and tell a person.
	Report Next = "report"
)

// Verdict is what to do after an upload. Remove the first Completed transactions from the queue, whatever Next is.
type Verdict struct {
	Completed int
	Next      Next
	Wait      time.Duration
	Message   string
	// Results are one for each transaction. A fatal_error among the first Completed is a dead letter on the server.
	Results []TransactionResult
}

const defaultWait = 5 * time.Second

// Judge says what an answer to so many transactions means. What is not recognized is sent again.
func Judge(status int, retryAfter string, text []byte, sent int) Verdict {
	switch {
	case status == http.StatusUnauthorized:
		return Verdict{Next: NewToken, Message: messageOf(text)}
	case status == http.StatusTooManyRequests || status >= 500:
		wait := defaultWait
		if seconds, err := strconv.ParseUint(retryAfter, 10, 31); err == nil {
			wait = time.Duration(seconds) * time.Second
		}
		return Verdict{Next: Wait, Wait: wait, Message: messageOf(text)}
	case status != http.StatusOK:
		return Verdict{Next: Report, Message: messageOf(text)}
	}
	var answer BatchResponse
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Results) != sent {
		return Verdict{Next: Wait, Wait: defaultWait, Message: "That is no answer of the endpoint's."}
	}
	for index, result := range answer.Results {
		verdict := Verdict{Completed: index, Results: answer.Results}
		if result.Message != nil {
			verdict.Message = *result.Message
		}
		handling := result.RequiresClientHandling
		switch {
		case result.Status == "success":
			continue
		case result.Status == "fatal_error" && handling != nil && !*handling:
			continue
		case result.Status == "fatal_error" && handling != nil:
			verdict.Next = AskApp
		case result.Status == "not_attempted" && index > 0:
			verdict.Next = SendAgain
		default:
			verdict.Next, verdict.Wait = Wait, defaultWait
			if result.RetryAfterMs != nil {
				verdict.Wait = time.Duration(*result.RetryAfterMs) * time.Millisecond
			}
		}
		return verdict
	}
	return Verdict{Completed: sent, Next: GoOn, Results: answer.Results}
}

func messageOf(text []byte) string {
	var message Message
	_ = json.Unmarshal(text, &message)
	return message.Message
}

// Endpoint is a write endpoint. URL is the whole one, such as https://api.example.com/api/data.
type Endpoint struct {
	URL   string
	Token func(context.Context) (string, error)
	// Client has a default with a minute's timeout. The token is for one server alone, so redirects are not followed.
	Client *http.Client
}

// Upload sends transactions, and says what to do next. An error is the token's.
func (endpoint *Endpoint) Upload(ctx context.Context, batch BatchUpload) (Verdict, error) {
	token, err := endpoint.Token(ctx)
	if err != nil {
		return Verdict{}, err
	}
	status, retryAfter, text, err := endpoint.send(ctx, "POST", "", batch, token)
	if err != nil {
		return Verdict{Next: Wait, Wait: defaultWait, Message: "The server can't be reached."}, nil
	}
	return Judge(status, retryAfter, text, len(batch.Transactions)), nil
}

// CreateCheckpoint makes the next write checkpoint of a device.
func (endpoint *Endpoint) CreateCheckpoint(ctx context.Context, body CheckpointBody) (answer CheckpointResponse, err error) {
	err = endpoint.ask(ctx, "PUT", "/checkpoint", body, &answer)
	return
}

// RequestCheckpoint records a checkpoint request of a device.
func (endpoint *Endpoint) RequestCheckpoint(ctx context.Context, body CheckpointRequestBody) (answer CheckpointRequestResponse, err error) {
	err = endpoint.ask(ctx, "POST", "/checkpoint-request", body, &answer)
	return
}

// Limits are what the server accepts.
func (endpoint *Endpoint) Limits(ctx context.Context) (answer LimitsResponse, err error) {
	err = endpoint.ask(ctx, "GET", "/limits", nil, &answer)
	return
}

func (endpoint *Endpoint) ask(ctx context.Context, method, path string, body, answer any) error {
	token := ""
	if body != nil {
		var err error
		if token, err = endpoint.Token(ctx); err != nil {
			return err
		}
	}
	status, _, text, err := endpoint.send(ctx, method, path, body, token)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("the endpoint answered %d: %s", status, messageOf(text))
	}
	return json.Unmarshal(text, answer)
}

func (endpoint *Endpoint) send(ctx context.Context, method, path string, body any, token string) (int, string, []byte, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, "", nil, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(endpoint.URL, "/")+path, content)
	if err != nil {
		return 0, "", nil, err
	}
	if body != nil {
		request.Header.Set("content-type", "application/json")
		request.Header.Set("authorization", "Bearer "+token)
	}
	client := endpoint.Client
	if client == nil {
		client = &http.Client{
			Timeout:       time.Minute,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, response.Header.Get("retry-after"), text, err
}
