// Sends three transactions to each URL, and prints what the client makes of the answer; asks the last one for the rest.
import powersyncwrites.BatchUpload
import powersyncwrites.CheckpointBody
import powersyncwrites.CrudEntry
import powersyncwrites.Transaction
import powersyncwrites.WriteEndpoint

fun put(number: Long, table: String, values: Map<String, Any?>): Transaction {
    val id = "00000000-0000-0000-0000-%012d".format(number)
    val entry = CrudEntry(op = "PUT", table = table, id = id, opId = number, opData = values)
    return Transaction(transactionId = number, handling = 0, crud = listOf(entry))
}

fun main(urls: Array<String>) {
    val batch = BatchUpload(
        clientId = "kotlin",
        transactions = listOf(
            put(1, "lists", mapOf("name" to "Bread", "note" to null)),
            put(2, "lists", emptyMap()),
            put(3, "nowhere", emptyMap())
        )
    )
    for (url in urls) {
        val verdict = WriteEndpoint(url) { "ann" }.upload(batch)
        val words = listOf(verdict.completed, verdict.next.name.toLowerCase(), verdict.waitMs)
        println((words + verdict.results.map { it.status }).joinToString(" "))
    }
    val endpoint = WriteEndpoint(urls.last()) { "ann" }
    println("${endpoint.limits().contractVersion} ${endpoint.createCheckpoint(CheckpointBody("kotlin")).checkpoint}")
}
