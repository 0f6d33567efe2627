"""A write endpoint for PowerSync uploads, with Python's standard library and SQLite: written from docs/other-languages.md alone.

    SECRET=... python3 endpoint.py FILE [--skip] [--client-handles] [--terse]

Prints its port. Tokens are JWTs signed by HS256 with SECRET.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import sqlite3
import sys
import threading
import time
import uuid
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATH = "/api/data"
SECRET = os.environ["SECRET"].encode()
LIMITS = {
    "body_bytes": 4_000_000,
    "transactions": 60,
    "operations": 1_000,
    "depth": 32,
    "keys": 50_000,
    "string_length": 500_000,
}
# Behind a failure the request goes on.
SKIP = "--skip" in sys.argv
# The client decides what becomes of a failure: nothing is recorded.
CLIENT_HANDLES = "--client-handles" in sys.argv
# Leaves out the messages.
TERSE = "--terse" in sys.argv


class Fatal(Exception):
    def __init__(self, code, message, index=None):
        super().__init__(message)
        self.code, self.message, self.index = code, message, index


class Refused(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


# --- Values -----------------------------------------------------------------


def text(longest):
    def convert(value):
        if not isinstance(value, str) or len(value) > longest:
            raise ValueError
        value.encode()  # Half a surrogate pair is no text.
        return value

    return convert


def integer(bits):
    def convert(value):
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise ValueError
        return value

    return convert


TABLES = {
    "powersync_audit": {
        "code": text(64),
        "big": integer(64),
        "size": integer(32),
        "note": text(500_000),
    },
}


# --- A transaction's form ---------------------------------------------------


def invalid(message, index=None):
    return Fatal("INVALID_TRANSACTION", message, index)


def check_bounds(value, index):
    """Depth, keys and lengths, without recursion."""
    keys, waiting = 0, [(value, 0)]
    while waiting:
        each, depth = waiting.pop()
        if depth > LIMITS["depth"]:
            raise invalid("The values are nested too deep.", index)
        if isinstance(each, str) and len(each) > LIMITS["string_length"]:
            raise invalid("A text is too long.", index)
        if isinstance(each, dict):
            keys += len(each)
            waiting += [(inner, depth + 1) for inner in each.values()]
        elif isinstance(each, list):
            waiting += [(inner, depth + 1) for inner in each]
    if keys > LIMITS["keys"]:
        raise invalid("There are too many keys.", index)


def is_id(value):
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def check_transaction(transaction):
    if not isinstance(transaction, dict):
        raise invalid("A transaction must be an object.")
    crud = transaction.get("crud")
    if not isinstance(crud, list):
        raise invalid('A transaction must have a list "crud".')
    if len(crud) > LIMITS["operations"]:
        raise invalid("There are too many operations.")
    if not is_id(transaction.get("transaction_id")):
        raise invalid("transaction_id must be an integer.")
    for index, entry in enumerate(crud):
        check_bounds(entry, index)
        if not isinstance(entry, dict) or entry.get("op") not in ("PUT", "PATCH", "DELETE"):
            raise invalid("An entry must have an op: PUT, PATCH or DELETE.", index)
        for name in ("table", "id"):
            if not isinstance(entry.get(name), str) or entry[name] == "":
                raise invalid(f"An entry must have a text {name}.", index)
        data = entry.get("op_data")
        if not isinstance(data, dict) and (entry["op"] != "DELETE" or data is not None):
            raise invalid("PUT and PATCH must have an object op_data.", index)
        if not is_id(entry.get("op_id")):
            raise invalid("op_id must be an integer.", index)
        if not isinstance(entry.get("metadata"), (str, type(None))):
            raise invalid("metadata must be a text.", index)


# --- Identity, ledger, dead letters -----------------------------------------


def identity_of(caller, envelope, transaction):
    try:
        crud = transaction["crud"]
        ids = [entry.get("op_id") for entry in crud]
        if None in ids:
            ids = transaction.get("transaction_id") if all(i is None for i in ids) else None
        if ids is None or ids == []:
            return None
        content = [[e.get("op"), e.get("table"), e.get("id"), e.get("op_data")] for e in crud]
        parts = [caller, envelope.get("client_id"), envelope.get("queue_id"), ids, content]
        return hashlib.sha256(
            json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()
        ).hexdigest()
    except (TypeError, KeyError, AttributeError):
        return None


def saved_answer(db, identity, answer):
    """Enters the answer; returns the one that was there before."""
    entered = db.execute(
        "insert into ledger values (?, ?, ?) on conflict do nothing",
        (identity, json.dumps(answer), time.time()),
    )
    if entered.rowcount == 1:
        return None
    row = db.execute("select answer from ledger where identity = ?", (identity,)).fetchone()
    return json.loads(row[0])


def retryable():
    return {"status": "retryable_error", **({} if TERSE else {"message": "Try again later."})}


def answer_of(fault):
    failed = {"error_code": fault.code}
    if fault.index is not None:
        failed["operation_index"] = fault.index
    if not TERSE:
        failed["message"] = fault.message
    return {
        "status": "fatal_error",
        "requires_client_handling": CLIENT_HANDLES,
        "failed_operation": failed,
        **({} if TERSE else {"message": fault.message}),
    }


def record(caller, identity, transaction, fault):
    answer = answer_of(fault)
    if CLIENT_HANDLES:
        return answer
    db = connect()
    try:
        db.execute("begin immediate")
        saved = None if identity is None else saved_answer(db, identity, answer)
        if saved is None:
            letter = (str(uuid.uuid4()), caller, json.dumps(transaction), json.dumps(answer))
            db.execute("insert into dead_letters values (?, ?, ?, ?, ?)", (*letter, time.time()))
        db.execute("commit")
        return answer if saved is None else saved
    except Exception as error:
        log(error)
        return retryable()
    finally:
        db.close()


# --- Writing ----------------------------------------------------------------


def connect():
    return sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)


def converted(entry, index):
    columns = TABLES.get(entry["table"])
    if columns is None:
        raise Fatal("UNKNOWN_TABLE", "The table can't be written here.", index)
    try:
        uuid.UUID(entry["id"])
    except ValueError:
        raise Fatal("INVALID_DATA", "The id is no UUID.", index) from None
    values = {}
    for name, value in (entry.get("op_data") or {}).items():
        if name == "id" and value == entry["id"]:
            continue
        convert = columns.get(name)
        if convert is None:
            raise Fatal("FORBIDDEN_COLUMN", "The column can't be written here.", index)
        try:
            values[name] = None if value is None else convert(value)
        except ValueError:
            raise Fatal("INVALID_DATA", "A value does not fit its column.", index) from None
    return values


def apply(db, caller, entry, index):
    values = converted(entry, index)
    # From the list above: no name of the request's.
    table, row, names = entry["table"], entry["id"], list(values)
    if entry["op"] == "PUT":
        columns = ", ".join(["id", "owner_id", *names])
        places = ", ".join("?" * (len(names) + 2))
        sets = ", ".join(f"{name} = excluded.{name}" for name in names) or "id = excluded.id"
        statement = (
            f"insert into {table} ({columns}) values ({places})"
            f" on conflict (id) do update set {sets} where owner_id = excluded.owner_id"
        )
        found = db.execute(statement, (row, caller, *values.values())).rowcount == 1
    elif entry["op"] == "PATCH" and names:
        sets = ", ".join(f"{name} = ?" for name in names)
        statement = f"update {table} set {sets} where id = ? and owner_id = ?"
        found = db.execute(statement, (*values.values(), row, caller)).rowcount == 1
    elif entry["op"] == "DELETE":
        statement = f"delete from {table} where id = ? and owner_id = ?"
        found = db.execute(statement, (row, caller)).rowcount == 1
    else:
        found = False
    if found:
        return
    stored = db.execute(f"select owner_id from {table} where id = ?", (row,)).fetchone()
    if stored is not None and stored[0] != caller:
        raise Fatal("UNAUTHORIZED", "The row can't be written by this caller.", index)


CONSTRAINTS = {
    "SQLITE_CONSTRAINT_UNIQUE": "UNIQUE_VIOLATION",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "UNIQUE_VIOLATION",
    "SQLITE_CONSTRAINT_CHECK": "CHECK_VIOLATION",
    "SQLITE_CONSTRAINT_NOTNULL": "NOT_NULL_VIOLATION",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "FOREIGN_KEY_VIOLATION",
}


def process(caller, envelope, transaction):
    identity = identity_of(caller, envelope, transaction)
    try:
        check_transaction(transaction)
    except Fatal as fault:
        return record(caller, identity, transaction, fault)
    db = connect()
    try:
        db.execute("begin immediate")
        if identity is not None:
            saved = saved_answer(db, identity, {"status": "success"})
            if saved is not None:
                db.execute("rollback")
                return saved
        for index, entry in enumerate(transaction["crud"]):
            try:
                apply(db, caller, entry, index)
            except sqlite3.IntegrityError as error:
                code = CONSTRAINTS.get(error.sqlite_errorname)
                if code is None:
                    raise
                raise Fatal(code, "A value breaks a rule of the table.", index) from None
        db.execute("commit")
        return {"status": "success"}
    except Fatal as fault:
        db.execute("rollback")
        return record(caller, identity, transaction, fault)
    except Exception as error:
        log(error)
        return retryable()
    finally:
        # Rolls back what has not been committed.
        db.close()


def process_all(caller, envelope):
    transactions = envelope.get("transactions") if isinstance(envelope, dict) else None
    if not isinstance(transactions, list) or transactions == []:
        raise Refused(400, 'Expected an object with a list "transactions".')
    if len(transactions) > LIMITS["transactions"]:
        raise Refused(400, "There are too many transactions.")
    for name in ("client_id", "queue_id"):
        if not isinstance(envelope.get(name), (str, type(None))):
            raise Refused(400, f"{name} must be a text.")
    results, ended = [], False
    for transaction in transactions:
        if ended:
            results.append({"status": "not_attempted"})
            continue
        result = process(caller, envelope, transaction)
        results.append(result)
        ended = result["status"] == "retryable_error" or (
            result["status"] == "fatal_error"
            and (not SKIP or result["requires_client_handling"])
        )
    return {"results": results}


# --- HTTP -------------------------------------------------------------------


def log(error):
    print(type(error).__name__, error, file=sys.stderr, flush=True)


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def caller_of(header):
    try:
        scheme, token = header.split(" ")
        head, payload, signature = token.split(".")
        if scheme.lower() != "bearer" or json.loads(decoded(head))["alg"] != "HS256":
            raise ValueError
        expected = hmac.new(SECRET, f"{head}.{payload}".encode(), hashlib.sha256).digest()
        if not hmac.compare_digest(expected, decoded(signature)):
            raise ValueError
        claims = json.loads(decoded(payload))
        if claims["exp"] < time.time() or not isinstance(claims["sub"], str):
            raise ValueError
        return claims["sub"]
    except Exception:
        raise Refused(401, "Authentication is required.") from None


def no_number(_):
    raise ValueError


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json"):
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        name = self.headers.get("x-correlation-id", "")
        name = name if re.fullmatch(r"[\w.-]{1,100}", name) else str(uuid.uuid4())
        self.send_header("x-correlation-id", name)
        if status == 401:
            self.send_header("www-authenticate", "Bearer")
        if status == 503:
            self.send_header("retry-after", "5")
        self.end_headers()
        self.wfile.write(content)

    def read_all(self):
        """The body's bytes, or None where there are too many; they are read all the same, so that the answer is."""
        left, kept, size = int(self.headers.get("content-length") or 0), [], 0
        while left > 0:
            chunk = self.rfile.read(min(left, 65_536))
            if not chunk:
                break
            left -= len(chunk)
            size += len(chunk)
            if size <= LIMITS["body_bytes"]:
                kept.append(chunk)
        return b"".join(kept) if size <= LIMITS["body_bytes"] else None

    def upload(self, raw):
        caller = caller_of(self.headers.get("authorization") or "")
        kind, _, parameters = (self.headers.get("content-type") or "").lower().partition(";")
        charset = re.search(r"charset=\"?([\w-]+)", parameters)
        if kind.strip() != "application/json" or (charset and charset[1] != "utf-8"):
            raise Refused(415, "Send application/json.")
        encoding = self.headers.get("content-encoding", "identity").lower()
        if encoding not in ("identity", "gzip", "deflate"):
            raise Refused(415, "Send the body as it is, or as gzip or deflate.")
        if raw is None:
            raise Refused(413, "The body is too large.")
        try:
            if encoding != "identity":
                unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
                raw = unpack.decompress(raw, LIMITS["body_bytes"] + 1)
                if len(raw) > LIMITS["body_bytes"]:
                    raise Refused(413, "The body is too large.")
                if not unpack.eof:
                    raise Refused(400, "The body is not complete.")
            envelope = json.loads(raw.decode("utf-8"), parse_constant=no_number)
        except (ValueError, RecursionError, zlib.error):
            raise Refused(400, "The body is not JSON.") from None
        return process_all(caller, envelope)

    def handle_request(self):
        raw = self.read_all()
        path = self.path.split("?")[0]
        try:
            if self.command == "POST" and path == PATH:
                self.answer(200, self.upload(raw))
            elif self.command == "GET" and path == f"{PATH}/limits":
                told = {"contract_version": "1.0.0", "limits": LIMITS, "features": ["ledger"]}
                self.answer(200, told)
            elif self.command == "GET" and path == f"{PATH}/openapi.yaml":
                self.answer(200, CONTRACT, "application/yaml")
            else:
                raise Refused(404, "Not found.")
        except Refused as refused:
            self.answer(refused.status, {"message": refused.message})
        except ConnectionError:
            # The client has left. What was committed stays committed, and has its row in the ledger.
            self.close_connection = True
        except Exception as error:
            log(error)
            self.answer(503, {"message": "The service is unavailable right now."})

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request


CONTRACT = ""


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, request, client_address):
        # Clients leave.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main():
    global CONTRACT
    # Values that are nested too deep are that transaction's failure, so they have to be read.
    sys.setrecursionlimit(100_000)
    threading.stack_size(256 * 1024 * 1024)
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "../../../src/wire/openapi.yaml"), encoding="utf-8") as file:
        CONTRACT = file.read()
    db = connect()
    db.execute("pragma journal_mode = wal")
    for statement in (
        "create table ledger (identity char(64) primary key, answer text not null, created_at real not null)",
        "create table dead_letters (id uuid primary key, user_id text not null, payload text not null, answer text not null, created_at real not null)",
        os.environ["AUDIT_SQL"],
    ):
        db.execute(statement)
    db.close()
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
