// A client of the write endpoint, by version 1.0.0 of its contract: models, and what to do with each answer.
// Made from openapi.yaml by npm run generate. Copy it into your project.
//
// Android, or a JVM with org.json. Call it off the main thread.
package powersyncwrites

import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject

// One operation on one row. A `PUT` or `PATCH` has its columns under one of the names of `op_data`, and be it `{}`: one that carries no
// data is `INVALID_TRANSACTION`.
data class CrudEntry(
    // `PUT` writes the whole row, `PATCH` changes the named columns of a row that exists, `DELETE` removes it. A `PATCH` or `DELETE` of a
    // row that does not exist succeeds and writes nothing.
    val op: String,
    // The table's name in the client's schema.
    val table: String,
    // The row's id.
    val id: String,
    // The entry's id in the device's upload queue.
    val opId: Long? = null,
    // The id of the local transaction that the entry belongs to.
    val transactionId: Long? = null,
    // `PUT`: every column that is not NULL. `PATCH`: the changed columns, NULLs included. `DELETE`: absent.
    //
    // A named mutation is a `PUT` into the table `powersync_mutations` with `name`, the mutator's, and `args`, its arguments as JSON text. The other entries of its transaction are what the device shows meanwhile; the server does not apply them, unless the mutator says so.
    val opData: Map<String, Any?>? = null,
    // The row before the change, if the client's schema tracks it.
    val previousValues: Map<String, Any?>? = null,
    // The text that the application put in `_metadata`, if the client's schema tracks it.
    val metadata: String? = null
) {
    fun toJson(): JSONObject = JSONObject().apply {
        putPresent("op", op)
        putPresent("table", table)
        putPresent("id", id)
        putPresent("op_id", opId)
        putPresent("transaction_id", transactionId)
        putPresent("op_data", opData)
        putPresent("previous_values", previousValues)
        putPresent("metadata", metadata)
    }
}

// The operations of one local transaction, applied together or not at all. A transaction without operations succeeds.
data class Transaction(
    // The local transaction's id. If it is missing, the entries' id is used, if all of them have the same.
    val transactionId: Long? = null,
    // How often the application has decided to keep the transaction after `requires_client_handling`: 0 at first, and stored on the device before
    // the transaction is sent again. An answer that leaves the decision to the client is saved with it: a copy with the same number or a lower
    // one gets that answer and writes nothing, one with a higher number is tried. `success`, and what was recorded, is final regardless of the
    // number. Without this member, no such answer is saved, and a late copy may overwrite what has been written since.
    val handling: Long? = null,
    // In the order in which the device made them; at most the server's limit, 10,000 by default.
    val crud: List<CrudEntry>
) {
    fun toJson(): JSONObject = JSONObject().apply {
        putPresent("transaction_id", transactionId)
        putPresent("handling", handling)
        putPresent("crud", crud.map { it.toJson() })
    }
}

// Several transactions, in the order of the device's queue.
data class BatchUpload(
    // The device's client id, from the PowerSync SDK (`getClientId()`). With it, and an `op_id` on every entry, a transaction that
    // is sent twice is applied once. An empty text counts as absent.
    val clientId: String? = null,
    // For a device that keeps several upload queues under one client id. An empty text counts as absent.
    val queueId: String? = null,
    // At least one; at most the server's limit, 100 by default.
    val transactions: List<Transaction>
) {
    fun toJson(): JSONObject = JSONObject().apply {
        putPresent("client_id", clientId)
        putPresent("queue_id", queueId)
        putPresent("transactions", transactions.map { it.toJson() })
    }
}

data class CheckpointBody(
    // The device, by `getClientId()`.
    val clientId: String
) {
    fun toJson(): JSONObject = JSONObject().apply {
        putPresent("client_id", clientId)
    }
}

data class CheckpointRequestBody(
    // The device, by `getClientId()`.
    val clientId: String,
    // The client's own number, from 0 to 9223372036854775807, as digits; or as an integer, if every JSON parser represents it exactly.
    val checkpointRequestId: String
) {
    fun toJson(): JSONObject = JSONObject().apply {
        putPresent("client_id", clientId)
        putPresent("checkpoint_request_id", checkpointRequestId)
    }
}

// Which operation failed, and why.
data class FailedOperation(
    // One of the library's codes, or one of the application's own.
    val errorCode: String,
    // For people. Never the database's own text.
    val message: String? = null,
    // For a failure about a value, an object with `column`, the client's name for the column, and `columns` if there are several. Otherwise any JSON value that the application adds.
    val details: Any? = null,
    // The operation's index in `crud` (or `batch`), from 0. Missing if the failure belongs to no single operation.
    val operationIndex: Long? = null
) {
    companion object {
        fun fromJson(json: JSONObject) = FailedOperation(
            json.getString("error_code"),
            json.present("message")?.let { json.getString("message") },
            json.present("details")?.let { json.get("details") },
            json.present("operation_index")?.let { json.getLong("operation_index") }
        )
    }
}

// The result of one transaction.
data class TransactionResult(
    val status: String,
    // For people.
    val message: String? = null,
    // Milliseconds to wait. If it is missing, the client chooses.
    val retryAfterMs: Long? = null,
    // True where the server has recorded nothing and leaves the decision to the client. It ends the batch. To a transaction that came with
    // `handling` the answer is final until it comes with a higher one.
    val requiresClientHandling: Boolean? = null,
    // Which operation failed, and why.
    val failedOperation: FailedOperation? = null
) {
    companion object {
        fun fromJson(json: JSONObject) = TransactionResult(
            json.getString("status"),
            json.present("message")?.let { json.getString("message") },
            json.present("retry_after_ms")?.let { json.getLong("retry_after_ms") },
            json.present("requires_client_handling")?.let { json.getBoolean("requires_client_handling") },
            json.present("failed_operation")?.let { FailedOperation.fromJson(json.getJSONObject("failed_operation")) }
        )
    }
}

data class BatchResponse(
    // One for each transaction, in the request's order.
    val results: List<TransactionResult>
) {
    companion object {
        fun fromJson(json: JSONObject) = BatchResponse(
            json.getJSONArray("results").objects().map { TransactionResult.fromJson(it) }
        )
    }
}

data class CheckpointResponse(
    // Digits, for `complete(checkpoint)`.
    val checkpoint: String
) {
    companion object {
        fun fromJson(json: JSONObject) = CheckpointResponse(
            json.getString("checkpoint")
        )
    }
}

data class CheckpointRequestResponse(
    // Digits.
    val checkpointRequestId: String
) {
    companion object {
        fun fromJson(json: JSONObject) = CheckpointRequestResponse(
            json.getString("checkpoint_request_id")
        )
    }
}

// 9007199254740991 means that there is no limit.
data class Limits(
    // Bytes of the body, as sent and as decompressed. Beyond it, 413.
    val bodyBytes: Long,
    // Transactions in one request. Beyond it, 400.
    val transactions: Long,
    // Operations in one transaction. Beyond this and the next four limits, the transaction is `INVALID_TRANSACTION`.
    val operations: Long,
    // Levels of nesting in one operation's members; `op_data` itself is the first.
    val depth: Long,
    // Keys of `op_data`, `previous_values` and the objects inside them, in one transaction.
    val keys: Long,
    // JSON values in one transaction. A body with more than twice as many in all its transactions is answered with 413.
    val values: Long? = null,
    // UTF-16 code units of one text.
    val stringLength: Long,
    // One caller's requests in progress at once. Beyond it, 429.
    val concurrentRequests: Long? = null
) {
    companion object {
        fun fromJson(json: JSONObject) = Limits(
            json.getLong("body_bytes"),
            json.getLong("transactions"),
            json.getLong("operations"),
            json.getLong("depth"),
            json.getLong("keys"),
            json.present("values")?.let { json.getLong("values") },
            json.getLong("string_length"),
            json.present("concurrent_requests")?.let { json.getLong("concurrent_requests") }
        )
    }
}

// How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
data class Timeouts(
    // After this many milliseconds, no further transaction of the request is begun.
    val requestMs: Long,
    // One database transaction. A transaction that fails needs a second one, in which it is recorded.
    val transactionMs: Long
) {
    companion object {
        fun fromJson(json: JSONObject) = Timeouts(
            json.getLong("request_ms"),
            json.getLong("transaction_ms")
        )
    }
}

data class LimitsResponse(
    // The version of this document. The first number changes only when old clients would break.
    val contractVersion: String,
    // 9007199254740991 means that there is no limit.
    val limits: Limits,
    // How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
    val timeouts: Timeouts? = null,
    // The names of this server's optional features. Ignore names that you do not know.
    val features: List<String>
) {
    companion object {
        fun fromJson(json: JSONObject) = LimitsResponse(
            json.getString("contract_version"),
            Limits.fromJson(json.getJSONObject("limits")),
            json.present("timeouts")?.let { Timeouts.fromJson(json.getJSONObject("timeouts")) },
            json.getJSONArray("features").texts()
        )
    }
}

data class Message(
    // For people.
    val message: String
) {
    companion object {
        fun fromJson(json: JSONObject) = Message(
            json.getString("message")
        )
    }
}
enum class Next {
    /** All have been answered: send what comes next. */
    GO_ON,
    /** Send the rest, which has not been tried, at once. */
    SEND_AGAIN,
    /** Send the rest after `waitMs`. */
    WAIT,
    /** Get another token, then send the rest. */
    NEW_TOKEN,
    /**
     * The application decides about the first of the rest: the server has recorded nothing of it. To have it tried again, send it with a
     * `handling` that is higher by one.
     */
    ASK_APP,
    /** The request, or the set-up, is at fault: keep the rest, and tell a person. */
    REPORT
}

/**
 * What to do after an upload. Remove the first `completed` transactions from the queue, whatever `next` is. `results` are one for each
 * transaction: a `fatal_error` among the first `completed` is a dead letter on the server.
 */
data class Verdict(
    val completed: Int,
    val next: Next,
    val waitMs: Long = 0,
    val message: String = "",
    val results: List<TransactionResult> = emptyList()
)

private const val DEFAULT_WAIT_MS = 5000L

/** What an answer to `sent` transactions means. What is not recognized is sent again. */
fun judge(status: Int, retryAfter: String?, text: String, sent: Int): Verdict {
    if (status == 401) return Verdict(0, Next.NEW_TOKEN, 0, messageOf(text))
    if (status == 429 || status >= 500) {
        val seconds = retryAfter?.toIntOrNull()?.takeIf { it >= 0 }
        return Verdict(0, Next.WAIT, seconds?.let { it * 1000L } ?: DEFAULT_WAIT_MS, messageOf(text))
    }
    if (status != 200) return Verdict(0, Next.REPORT, 0, messageOf(text))
    val results = try {
        BatchResponse.fromJson(JSONObject(text)).results
    } catch (_: JSONException) {
        emptyList<TransactionResult>()
    }
    if (results.size != sent) {
        return Verdict(0, Next.WAIT, DEFAULT_WAIT_MS, "That is no answer of the endpoint's.")
    }
    for ((index, result) in results.withIndex()) {
        if (result.status == "success") continue
        val message = result.message ?: ""
        val failed = result.status == "fatal_error"
        if (failed && result.requiresClientHandling == false) continue
        if (failed && result.requiresClientHandling == true) {
            return Verdict(index, Next.ASK_APP, 0, message, results)
        }
        if (result.status == "not_attempted" && index > 0) {
            return Verdict(index, Next.SEND_AGAIN, 0, message, results)
        }
        return Verdict(index, Next.WAIT, result.retryAfterMs ?: DEFAULT_WAIT_MS, message, results)
    }
    return Verdict(sent, Next.GO_ON, 0, "", results)
}

/** An answer other than 200 to what is no upload. */
class AnswerException(val status: Int, text: String) :
    Exception("The endpoint answered $status. ${messageOf(text)}")

/** @param url the endpoint's whole URL, such as https://api.example.com/api/data */
class WriteEndpoint(
    url: String,
    private val timeoutMs: Int = 60_000,
    private val token: () -> String
) {
    private val url = url.trimEnd('/')

    fun upload(batch: BatchUpload): Verdict {
        val token = token()
        val answer = try {
            send("POST", "", batch.toJson(), token)
        } catch (_: IOException) {
            return Verdict(0, Next.WAIT, DEFAULT_WAIT_MS, "The server can't be reached.")
        }
        return judge(answer.status, answer.retryAfter, answer.text, batch.transactions.size)
    }

    fun createCheckpoint(body: CheckpointBody) =
        CheckpointResponse.fromJson(ask("PUT", "/checkpoint", body.toJson()))

    fun requestCheckpoint(body: CheckpointRequestBody) =
        CheckpointRequestResponse.fromJson(ask("POST", "/checkpoint-request", body.toJson()))

    fun limits() = LimitsResponse.fromJson(ask("GET", "/limits", null))

    private fun ask(method: String, path: String, body: JSONObject?): JSONObject {
        val answer = send(method, path, body, if (body == null) "" else token())
        if (answer.status != 200) throw AnswerException(answer.status, answer.text)
        return JSONObject(answer.text)
    }

    private class Answer(val status: Int, val retryAfter: String?, val text: String)

    private fun send(method: String, path: String, body: JSONObject?, token: String): Answer {
        val connection = URL(url + path).openConnection() as HttpURLConnection
        try {
            connection.requestMethod = method
            connection.connectTimeout = timeoutMs
            connection.readTimeout = timeoutMs
            // The token is for one server alone.
            connection.instanceFollowRedirects = false
            if (body != null) {
                connection.doOutput = true
                connection.setRequestProperty("content-type", "application/json")
                connection.setRequestProperty("authorization", "Bearer $token")
                connection.outputStream.use { it.write(body.toString().toByteArray()) }
            }
            val status = connection.responseCode
            val stream = if (status >= 400) connection.errorStream else connection.inputStream
            val text = stream?.use { it.readBytes().toString(Charsets.UTF_8) } ?: ""
            return Answer(status, connection.getHeaderField("retry-after"), text)
        } finally {
            connection.disconnect()
        }
    }
}

private fun messageOf(text: String): String = try {
    Message.fromJson(JSONObject(text)).message
} catch (_: JSONException) {
    ""
}

private fun JSONObject.putPresent(name: String, value: Any?) {
    if (value != null) put(name, jsonOf(value))
}

private fun JSONObject.present(name: String): Any? = if (isNull(name)) null else get(name)

private fun JSONArray.objects(): List<JSONObject> = (0 until length()).map { getJSONObject(it) }

private fun JSONArray.texts(): List<String> = (0 until length()).map { getString(it) }

private fun jsonOf(value: Any?): Any = when (value) {
    null -> JSONObject.NULL
    is Map<*, *> -> JSONObject().apply {
        for ((name, each) in value) put(name as String, jsonOf(each))
    }
    is Iterable<*> -> JSONArray().apply {
        for (each in value) put(jsonOf(each))
    }
    else -> value
}
