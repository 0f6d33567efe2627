// A client of the write endpoint, by version 1.0.0 of its contract: models, and what to do with each answer.
// Made from openapi.yaml by npm run generate. Copy it into your project.
//
// Swift 5.7 and Foundation, on Apple's platforms.
import Foundation

/// Any JSON value. Integers keep all digits of 64 bits.
public enum JSONValue: Codable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    public init(from decoder: Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    public func encode(to encoder: Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }
}

/// One operation on one row. A `PUT` or `PATCH` has its columns under one of the names of `op_data`, and be it `{}`: one that carries no
/// data is `INVALID_TRANSACTION`.
public struct CrudEntry: Encodable {
    /// `PUT` writes the whole row, `PATCH` changes the named columns of a row that exists, `DELETE` removes it. A `PATCH` or `DELETE` of a
    /// row that does not exist succeeds and writes nothing.
    public var op: String
    /// The table's name in the client's schema.
    public var table: String
    /// The row's id.
    public var id: String
    /// The entry's id in the device's upload queue.
    public var opId: Int64?
    /// The id of the local transaction that the entry belongs to.
    public var transactionId: Int64?
    /// `PUT`: every column that is not NULL. `PATCH`: the changed columns, NULLs included. `DELETE`: absent.
    ///
    /// A named mutation is a `PUT` into the table `powersync_mutations` with `name`, the mutator's, and `args`, its arguments as JSON text. The other entries of its transaction are what the device shows meanwhile; the server does not apply them, unless the mutator says so.
    public var opData: [String: JSONValue]?
    /// The row before the change, if the client's schema tracks it.
    public var previousValues: [String: JSONValue]?
    /// The text that the application put in `_metadata`, if the client's schema tracks it.
    public var metadata: String?

    enum CodingKeys: String, CodingKey {
        case op = "op"
        case table = "table"
        case id = "id"
        case opId = "op_id"
        case transactionId = "transaction_id"
        case opData = "op_data"
        case previousValues = "previous_values"
        case metadata = "metadata"
    }

    public init(
        op: String,
        table: String,
        id: String,
        opId: Int64? = nil,
        transactionId: Int64? = nil,
        opData: [String: JSONValue]? = nil,
        previousValues: [String: JSONValue]? = nil,
        metadata: String? = nil
    ) {
        self.op = op
        self.table = table
        self.id = id
        self.opId = opId
        self.transactionId = transactionId
        self.opData = opData
        self.previousValues = previousValues
        self.metadata = metadata
    }
}

/// The operations of one local transaction, applied together or not at all. A transaction without operations succeeds.
public struct Transaction: Encodable {
    /// The local transaction's id. If it is missing, the entries' id is used, if all of them have the same.
    public var transactionId: Int64?
    /// How often the application has decided to keep the transaction after `requires_client_handling`: 0 at first, and stored on the device before
    /// the transaction is sent again. An answer that leaves the decision to the client is saved with it: a copy with the same number or a lower
    /// one gets that answer and writes nothing, one with a higher number is tried. `success`, and what was recorded, is final regardless of the
    /// number. Without this member, no such answer is saved, and a late copy may overwrite what has been written since.
    public var handling: Int64?
    /// In the order in which the device made them; at most the server's limit, 10,000 by default.
    public var crud: [CrudEntry]

    enum CodingKeys: String, CodingKey {
        case transactionId = "transaction_id"
        case handling = "handling"
        case crud = "crud"
    }

    public init(
        transactionId: Int64? = nil,
        handling: Int64? = nil,
        crud: [CrudEntry]
    ) {
        self.transactionId = transactionId
        self.handling = handling
        self.crud = crud
    }
}

/// Several transactions, in the order of the device's queue.
public struct BatchUpload: Encodable {
    /// The device's client id, from the PowerSync SDK (`getClientId()`). With it, and an `op_id` on every entry, a transaction that
    /// is sent twice is applied once. An empty text counts as absent.
    public var clientId: String?
    /// For a device that keeps several upload queues under one client id. An empty text counts as absent.
    public var queueId: String?
    /// At least one; at most the server's limit, 100 by default.
    public var transactions: [Transaction]

    enum CodingKeys: String, CodingKey {
        case clientId = "client_id"
        case queueId = "queue_id"
        case transactions = "transactions"
    }

    public init(
        clientId: String? = nil,
        queueId: String? = nil,
        transactions: [Transaction]
    ) {
        self.clientId = clientId
        self.queueId = queueId
        self.transactions = transactions
    }
}

public struct CheckpointBody: Encodable {
    /// The device, by `getClientId()`.
    public var clientId: String

    enum CodingKeys: String, CodingKey {
        case clientId = "client_id"
    }

    public init(
        clientId: String
    ) {
        self.clientId = clientId
    }
}

public struct CheckpointRequestBody: Encodable {
    /// The device, by `getClientId()`.
    public var clientId: String
    /// The client's own number, from 0 to 9223372036854775807, as digits; or as an integer, if every JSON parser represents it exactly.
    public var checkpointRequestId: String

    enum CodingKeys: String, CodingKey {
        case clientId = "client_id"
        case checkpointRequestId = "checkpoint_request_id"
    }

    public init(
        clientId: String,
        checkpointRequestId: String
    ) {
        self.clientId = clientId
        self.checkpointRequestId = checkpointRequestId
    }
}

/// Which operation failed, and why.
public struct FailedOperation: Decodable {
    /// One of the library's codes, or one of the application's own.
    public var errorCode: String
    /// For people. Never the database's own text.
    public var message: String?
    /// For a failure about a value, an object with `column`, the client's name for the column, and `columns` if there are several. Otherwise any JSON value that the application adds.
    public var details: JSONValue?
    /// The operation's index in `crud` (or `batch`), from 0. Missing if the failure belongs to no single operation.
    public var operationIndex: Int64?

    enum CodingKeys: String, CodingKey {
        case errorCode = "error_code"
        case message = "message"
        case details = "details"
        case operationIndex = "operation_index"
    }
}

/// The result of one transaction.
public struct TransactionResult: Decodable {
    public var status: String
    /// For people.
    public var message: String?
    /// Milliseconds to wait. If it is missing, the client chooses.
    public var retryAfterMs: Int64?
    /// True where the server has recorded nothing and leaves the decision to the client. It ends the batch. To a transaction that came with
    /// `handling` the answer is final until it comes with a higher one.
    public var requiresClientHandling: Bool?
    /// Which operation failed, and why.
    public var failedOperation: FailedOperation?

    enum CodingKeys: String, CodingKey {
        case status = "status"
        case message = "message"
        case retryAfterMs = "retry_after_ms"
        case requiresClientHandling = "requires_client_handling"
        case failedOperation = "failed_operation"
    }
}

public struct BatchResponse: Decodable {
    /// One for each transaction, in the request's order.
    public var results: [TransactionResult]

    enum CodingKeys: String, CodingKey {
        case results = "results"
    }
}

public struct CheckpointResponse: Decodable {
    /// Digits, for `complete(checkpoint)`.
    public var checkpoint: String

    enum CodingKeys: String, CodingKey {
        case checkpoint = "checkpoint"
    }
}

public struct CheckpointRequestResponse: Decodable {
    /// Digits.
    public var checkpointRequestId: String

    enum CodingKeys: String, CodingKey {
        case checkpointRequestId = "checkpoint_request_id"
    }
}

/// 9007199254740991 means that there is no limit.
public struct Limits: Decodable {
    /// Bytes of the body, as sent and as decompressed. Beyond it, 413.
    public var bodyBytes: Int64
    /// Transactions in one request. Beyond it, 400.
    public var transactions: Int64
    /// Operations in one transaction. Beyond this and the next four limits, the transaction is `INVALID_TRANSACTION`.
    public var operations: Int64
    /// Levels of nesting in one operation's members; `op_data` itself is the first.
    public var depth: Int64
    /// Keys of `op_data`, `previous_values` and the objects inside them, in one transaction.
    public var keys: Int64
    /// JSON values in one transaction. A body with more than twice as many in all its transactions is answered with 413.
    public var values: Int64?
    /// UTF-16 code units of one text.
    public var stringLength: Int64
    /// One caller's requests in progress at once. Beyond it, 429.
    public var concurrentRequests: Int64?

    enum CodingKeys: String, CodingKey {
        case bodyBytes = "body_bytes"
        case transactions = "transactions"
        case operations = "operations"
        case depth = "depth"
        case keys = "keys"
        case values = "values"
        case stringLength = "string_length"
        case concurrentRequests = "concurrent_requests"
    }
}

/// How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
public struct Timeouts: Decodable {
    /// After this many milliseconds, no further transaction of the request is begun.
    public var requestMs: Int64
    /// One database transaction. A transaction that fails needs a second one, in which it is recorded.
    public var transactionMs: Int64

    enum CodingKeys: String, CodingKey {
        case requestMs = "request_ms"
        case transactionMs = "transaction_ms"
    }
}

public struct LimitsResponse: Decodable {
    /// The version of this document. The first number changes only when old clients would break.
    public var contractVersion: String
    /// 9007199254740991 means that there is no limit.
    public var limits: Limits
    /// How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
    public var timeouts: Timeouts?
    /// The names of this server's optional features. Ignore names that you do not know.
    public var features: [String]

    enum CodingKeys: String, CodingKey {
        case contractVersion = "contract_version"
        case limits = "limits"
        case timeouts = "timeouts"
        case features = "features"
    }
}

public struct Message: Decodable {
    /// For people.
    public var message: String

    enum CodingKeys: String, CodingKey {
        case message = "message"
    }
}
public enum Next {
    /// All have been answered: send what comes next.
    case goOn
    /// Send the rest, which has not been tried, at once.
    case sendAgain
    /// Send the rest after `waitMs`.
    case wait
    /// Get another token, then send the rest.
    case newToken
    /// The application decides about the first of the rest: the server has recorded nothing of it. To have it tried again, send it with a
    /// `handling` that is higher by one.
    case askApp
    /// The request, or the set-up, is at fault: keep the rest, and tell a person.
    case report
}

/// What to do after an upload. Remove the first `completed` transactions from the queue, whatever `next` is. `results` are one for each
/// transaction: a `fatal_error` among the first `completed` is a dead letter on the server.
public struct Verdict {
    public var completed: Int
    public var next: Next
    public var waitMs: Int64 = 0
    public var message: String = ""
    public var results: [TransactionResult] = []
}

private let defaultWaitMs: Int64 = 5000

/// What an answer to `sent` transactions means. What is not recognized is sent again.
public func judge(status: Int, retryAfter: String?, body: Data, sent: Int) -> Verdict {
    if status == 401 {
        return Verdict(completed: 0, next: .newToken, message: message(of: body))
    }
    if status == 429 || status >= 500 {
        let seconds = Int64(UInt32(retryAfter ?? "") ?? 5)
        return Verdict(completed: 0, next: .wait, waitMs: seconds * 1000, message: message(of: body))
    }
    if status != 200 {
        return Verdict(completed: 0, next: .report, message: message(of: body))
    }
    let results = (try? JSONDecoder().decode(BatchResponse.self, from: body))?.results ?? []
    if results.count != sent {
        return Verdict(
            completed: 0, next: .wait, waitMs: defaultWaitMs, message: "That is no answer of the endpoint's.")
    }
    for (index, result) in results.enumerated() {
        if result.status == "success" { continue }
        let message = result.message ?? ""
        let failed = result.status == "fatal_error"
        if failed && result.requiresClientHandling == false { continue }
        if failed && result.requiresClientHandling == true {
            return Verdict(completed: index, next: .askApp, message: message, results: results)
        }
        if result.status == "not_attempted" && index > 0 {
            return Verdict(completed: index, next: .sendAgain, message: message, results: results)
        }
        let waitMs = result.retryAfterMs ?? defaultWaitMs
        return Verdict(completed: index, next: .wait, waitMs: waitMs, message: message, results: results)
    }
    return Verdict(completed: sent, next: .goOn, results: results)
}

private func message(of body: Data) -> String {
    return (try? JSONDecoder().decode(Message.self, from: body))?.message ?? ""
}

/// An answer other than 200 to what is no upload.
public struct AnswerError: Error {
    public var status: Int
    public var message: String
}

/// The token is for one server alone.
private final class NoRedirects: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest,
        completionHandler: @escaping (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}

/// `url` is the endpoint's whole URL, such as https://api.example.com/api/data.
public final class WriteEndpoint {
    private let url: String
    private let token: () async throws -> String
    private let session: URLSession

    public init(url: String, token: @escaping () async throws -> String) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.token = token
        self.session = URLSession(configuration: .ephemeral, delegate: NoRedirects(), delegateQueue: nil)
    }

    public func upload(_ batch: BatchUpload) async throws -> Verdict {
        let body = try JSONEncoder().encode(batch)
        let bearer = try await token()
        do {
            let (response, content) = try await send("POST", "", body, bearer)
            return judge(
                status: response.statusCode,
                retryAfter: response.value(forHTTPHeaderField: "retry-after"),
                body: content,
                sent: batch.transactions.count)
        } catch is URLError {
            return Verdict(
                completed: 0, next: .wait, waitMs: defaultWaitMs, message: "The server can't be reached.")
        }
    }

    public func createCheckpoint(_ body: CheckpointBody) async throws -> CheckpointResponse {
        return try await ask("PUT", "/checkpoint", try JSONEncoder().encode(body))
    }

    public func requestCheckpoint(_ body: CheckpointRequestBody) async throws -> CheckpointRequestResponse {
        return try await ask("POST", "/checkpoint-request", try JSONEncoder().encode(body))
    }

    public func limits() async throws -> LimitsResponse {
        return try await ask("GET", "/limits", nil)
    }

    private func ask<T: Decodable>(_ method: String, _ path: String, _ body: Data?) async throws -> T {
        let bearer = body == nil ? "" : try await token()
        let (response, content) = try await send(method, path, body, bearer)
        if response.statusCode != 200 {
            throw AnswerError(status: response.statusCode, message: message(of: content))
        }
        return try JSONDecoder().decode(T.self, from: content)
    }

    private func send(
        _ method: String, _ path: String, _ body: Data?, _ bearer: String
    ) async throws -> (HTTPURLResponse, Data) {
        guard let target = URL(string: url + path) else { throw URLError(.badURL) }
        var request = URLRequest(url: target)
        request.httpMethod = method
        if let body = body {
            request.httpBody = body
            request.setValue("application/json", forHTTPHeaderField: "content-type")
            request.setValue("Bearer \(bearer)", forHTTPHeaderField: "authorization")
        }
        let (content, response) = try await session.data(for: request)
        guard let answer = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
        return (answer, content)
    }
}
