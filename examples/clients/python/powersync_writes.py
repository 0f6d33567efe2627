# A client of the write endpoint, by version 1.0.0 of its contract: models, and what to do with each answer.
# Made from openapi.yaml by npm run generate. Copy it into your project.
#
# Python 3.8 and its standard library.

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional


def _present(members: Dict[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


# One operation on one row. A `PUT` or `PATCH` has its columns under one of the names of `op_data`, and be it `{}`: one that carries no
# data is `INVALID_TRANSACTION`.
@dataclass
class CrudEntry:
    # `PUT` writes the whole row, `PATCH` changes the named columns of a row that exists, `DELETE` removes it. A `PATCH` or `DELETE` of a
    # row that does not exist succeeds and writes nothing.
    op: str
    # The table's name in the client's schema.
    table: str
    # The row's id.
    id: str
    # The entry's id in the device's upload queue.
    op_id: Optional[int] = None
    # The id of the local transaction that the entry belongs to.
    transaction_id: Optional[int] = None
    # `PUT`: every column that is not NULL. `PATCH`: the changed columns, NULLs included. `DELETE`: absent.
    #
    # A named mutation is a `PUT` into the table `powersync_mutations` with `name`, the mutator's, and `args`, its arguments as JSON text. The other entries of its transaction are what the device shows meanwhile; the server does not apply them, unless the mutator says so.
    op_data: Optional[Dict[str, Any]] = None
    # The row before the change, if the client's schema tracks it.
    previous_values: Optional[Dict[str, Any]] = None
    # The text that the application put in `_metadata`, if the client's schema tracks it.
    metadata: Optional[str] = None

    def to_json(self) -> Dict[str, Any]:
        return _present({
            "op": self.op,
            "table": self.table,
            "id": self.id,
            "op_id": self.op_id,
            "transaction_id": self.transaction_id,
            "op_data": self.op_data,
            "previous_values": self.previous_values,
            "metadata": self.metadata,
        })


# The operations of one local transaction, applied together or not at all. A transaction without operations succeeds.
@dataclass
class Transaction:
    # In the order in which the device made them; at most the server's limit, 10,000 by default.
    crud: List["CrudEntry"]
    # The local transaction's id. If it is missing, the entries' id is used, if all of them have the same.
    transaction_id: Optional[int] = None
    # How often the application has decided to keep the transaction after `requires_client_handling`: 0 at first, and stored on the device before
    # the transaction is sent again. An answer that leaves the decision to the client is saved with it: a copy with the same number or a lower
    # one gets that answer and writes nothing, one with a higher number is tried. `success`, and what was recorded, is final regardless of the
    # number. Without this member, no such answer is saved, and a late copy may overwrite what has been written since.
    handling: Optional[int] = None

    def to_json(self) -> Dict[str, Any]:
        return _present({
            "transaction_id": self.transaction_id,
            "handling": self.handling,
            "crud": [each.to_json() for each in self.crud],
        })


# Several transactions, in the order of the device's queue.
@dataclass
class BatchUpload:
    # At least one; at most the server's limit, 100 by default.
    transactions: List["Transaction"]
    # The device's client id, from the PowerSync SDK (`getClientId()`). With it, and an `op_id` on every entry, a transaction that
    # is sent twice is applied once. An empty text counts as absent.
    client_id: Optional[str] = None
    # For a device that keeps several upload queues under one client id. An empty text counts as absent.
    queue_id: Optional[str] = None

    def to_json(self) -> Dict[str, Any]:
        return _present({
            "client_id": self.client_id,
            "queue_id": self.queue_id,
            "transactions": [each.to_json() for each in self.transactions],
        })


@dataclass
class CheckpointBody:
    # The device, by `getClientId()`.
    client_id: str

    def to_json(self) -> Dict[str, Any]:
        return _present({
            "client_id": self.client_id,
        })


@dataclass
class CheckpointRequestBody:
    # The device, by `getClientId()`.
    client_id: str
    # The client's own number, from 0 to 9223372036854775807, as digits; or as an integer, if every JSON parser represents it exactly.
    checkpoint_request_id: str

    def to_json(self) -> Dict[str, Any]:
        return _present({
            "client_id": self.client_id,
            "checkpoint_request_id": self.checkpoint_request_id,
        })


# Which operation failed, and why.
@dataclass
class FailedOperation:
    # One of the library's codes, or one of the application's own.
    error_code: str
    # For people. Never the database's own text.
    message: Optional[str] = None
    # For a failure about a value, an object with `column`, the client's name for the column, and `columns` if there are several. Otherwise any JSON value that the application adds.
    details: Optional[Any] = None
    # The operation's index in `crud` (or `batch`), from 0. Missing if the failure belongs to no single operation.
    operation_index: Optional[int] = None

    @classmethod
    def from_json(cls, value: Any) -> "FailedOperation":
        return cls(
            error_code=value["error_code"],
            message=value.get("message"),
            details=value.get("details"),
            operation_index=value.get("operation_index"),
        )


# The result of one transaction.
@dataclass
class TransactionResult:
    status: str
    # For people.
    message: Optional[str] = None
    # Milliseconds to wait. If it is missing, the client chooses.
    retry_after_ms: Optional[int] = None
    # True where the server has recorded nothing and leaves the decision to the client. It ends the batch. To a transaction that came with
    # `handling` the answer is final until it comes with a higher one.
    requires_client_handling: Optional[bool] = None
    # Which operation failed, and why.
    failed_operation: Optional["FailedOperation"] = None

    @classmethod
    def from_json(cls, value: Any) -> "TransactionResult":
        return cls(
            status=value["status"],
            message=value.get("message"),
            retry_after_ms=value.get("retry_after_ms"),
            requires_client_handling=value.get("requires_client_handling"),
            failed_operation=None if value.get("failed_operation") is None else FailedOperation.from_json(value.get("failed_operation")),
        )


@dataclass
class BatchResponse:
    # One for each transaction, in the request's order.
    results: List["TransactionResult"]

    @classmethod
    def from_json(cls, value: Any) -> "BatchResponse":
        return cls(
            results=[TransactionResult.from_json(each) for each in value["results"]],
        )


@dataclass
class CheckpointResponse:
    # Digits, for `complete(checkpoint)`.
    checkpoint: str

    @classmethod
    def from_json(cls, value: Any) -> "CheckpointResponse":
        return cls(
            checkpoint=value["checkpoint"],
        )


@dataclass
class CheckpointRequestResponse:
    # Digits.
    checkpoint_request_id: str

    @classmethod
    def from_json(cls, value: Any) -> "CheckpointRequestResponse":
        return cls(
            checkpoint_request_id=value["checkpoint_request_id"],
        )


# 9007199254740991 means that there is no limit.
@dataclass
class Limits:
    # Bytes of the body, as sent and as decompressed. Beyond it, 413.
    body_bytes: int
    # Transactions in one request. Beyond it, 400.
    transactions: int
    # Operations in one transaction. Beyond this and the next four limits, the transaction is `INVALID_TRANSACTION`.
    operations: int
    # Levels of nesting in one operation's members; `op_data` itself is the first.
    depth: int
    # Keys of `op_data`, `previous_values` and the objects inside them, in one transaction.
    keys: int
    # UTF-16 code units of one text.
    string_length: int
    # JSON values in one transaction. A body with more than twice as many in all its transactions is answered with 413.
    values: Optional[int] = None
    # One caller's requests in progress at once. Beyond it, 429.
    concurrent_requests: Optional[int] = None

    @classmethod
    def from_json(cls, value: Any) -> "Limits":
        return cls(
            body_bytes=value["body_bytes"],
            transactions=value["transactions"],
            operations=value["operations"],
            depth=value["depth"],
            keys=value["keys"],
            values=value.get("values"),
            string_length=value["string_length"],
            concurrent_requests=value.get("concurrent_requests"),
        )


# How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
@dataclass
class Timeouts:
    # After this many milliseconds, no further transaction of the request is begun.
    request_ms: int
    # One database transaction. A transaction that fails needs a second one, in which it is recorded.
    transaction_ms: int

    @classmethod
    def from_json(cls, value: Any) -> "Timeouts":
        return cls(
            request_ms=value["request_ms"],
            transaction_ms=value["transaction_ms"],
        )


@dataclass
class LimitsResponse:
    # The version of this document. The first number changes only when old clients would break.
    contract_version: str
    # 9007199254740991 means that there is no limit.
    limits: "Limits"
    # The names of this server's optional features. Ignore names that you do not know.
    features: List[str]
    # How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
    timeouts: Optional["Timeouts"] = None

    @classmethod
    def from_json(cls, value: Any) -> "LimitsResponse":
        return cls(
            contract_version=value["contract_version"],
            limits=Limits.from_json(value["limits"]),
            timeouts=None if value.get("timeouts") is None else Timeouts.from_json(value.get("timeouts")),
            features=value["features"],
        )


@dataclass
class Message:
    # For people.
    message: str

    @classmethod
    def from_json(cls, value: Any) -> "Message":
        return cls(
            message=value["message"],
        )

DEFAULT_WAIT_MS = 5000


# What to do after an upload. Remove the first `completed` transactions from the queue, whatever `next` is. `next` is one of
#
#   "go_on"      all have been answered: send what comes next
#   "send_again" send the rest, which has not been tried, at once
#   "wait"       send the rest after `wait_ms`
#   "new_token"  get another token, then send the rest
#   "ask_app"    the application decides about the first of the rest: the server has recorded nothing of it. To have it tried again, send it
#                with a `handling` that is higher by one
#   "report"     the request, or the set-up, is at fault: keep the rest, and tell a person
@dataclass
class Verdict:
    completed: int
    next: str
    wait_ms: int = 0
    message: str = ""
    # One for each transaction. A `fatal_error` among the first `completed` is a dead letter on the server.
    results: Optional[List[TransactionResult]] = None


def judge(status: int, retry_after: Optional[str], text: str, sent: int) -> Verdict:
    """What an answer to `sent` transactions means. What is not recognized is sent again."""
    if status == 401:
        return Verdict(0, "new_token", message=_message_of(text))
    if status == 429 or status >= 500:
        seconds = retry_after or ""
        wait_ms = int(seconds) * 1000 if seconds.isdecimal() else DEFAULT_WAIT_MS
        return Verdict(0, "wait", wait_ms, _message_of(text))
    if status != 200:
        return Verdict(0, "report", message=_message_of(text))
    try:
        results = BatchResponse.from_json(json.loads(text)).results
    except (ValueError, KeyError, TypeError, AttributeError):
        results = []
    if len(results) != sent:
        return Verdict(0, "wait", DEFAULT_WAIT_MS, "That is no answer of the endpoint's.")
    for index, result in enumerate(results):
        if result.status == "success":
            continue
        message = result.message or ""
        if result.status == "fatal_error" and result.requires_client_handling is False:
            continue
        if result.status == "fatal_error" and result.requires_client_handling is True:
            return Verdict(index, "ask_app", 0, message, results)
        if result.status == "not_attempted" and index > 0:
            return Verdict(index, "send_again", 0, message, results)
        wait_ms = result.retry_after_ms
        return Verdict(index, "wait", DEFAULT_WAIT_MS if wait_ms is None else wait_ms, message, results)
    return Verdict(sent, "go_on", results=results)


def _message_of(text: str) -> str:
    try:
        return Message.from_json(json.loads(text)).message
    except (ValueError, KeyError, TypeError):
        return ""


class AnswerError(Exception):
    """An answer other than 200 to what is no upload."""

    def __init__(self, status: int, text: str):
        super().__init__(f"The endpoint answered {status}. {_message_of(text)}")
        self.status = status


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    # The token is for one server alone.
    def redirect_request(self, *_: Any) -> None:
        return None


class WriteEndpoint:
    """`url` is the endpoint's whole URL, such as https://api.example.com/api/data."""

    def __init__(self, url: str, token: Callable[[], str], timeout_s: float = 60):
        self._url = url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        self._opener = urllib.request.build_opener(_NoRedirect)

    def upload(self, batch: BatchUpload) -> Verdict:
        try:
            answer = self._send("POST", "", batch.to_json())
        except OSError:
            return Verdict(0, "wait", DEFAULT_WAIT_MS, "The server can't be reached.")
        return judge(*answer, len(batch.transactions))

    def create_checkpoint(self, body: CheckpointBody) -> CheckpointResponse:
        return CheckpointResponse.from_json(self._ask("PUT", "/checkpoint", body.to_json()))

    def request_checkpoint(self, body: CheckpointRequestBody) -> CheckpointRequestResponse:
        return CheckpointRequestResponse.from_json(self._ask("POST", "/checkpoint-request", body.to_json()))

    def limits(self) -> LimitsResponse:
        return LimitsResponse.from_json(self._ask("GET", "/limits", None))

    def _ask(self, method: str, path: str, body: Any) -> Any:
        status, _, text = self._send(method, path, body)
        if status != 200:
            raise AnswerError(status, text)
        return json.loads(text)

    def _send(self, method: str, path: str, body: Any) -> tuple:
        request = urllib.request.Request(self._url + path, method=method)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("content-type", "application/json")
            request.add_header("authorization", f"Bearer {self._token()}")
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                return response.status, response.headers.get("retry-after"), response.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers.get("retry-after"), error.read().decode("utf-8", "replace")
