// A client of the write endpoint, by version 1.0.0 of its contract: models, and what to do with each answer.
// Made from openapi.yaml by npm run generate. Copy it into your project.
//
// .NET with Newtonsoft.Json, which PowerSync's SDK brings along.
using System;
using System.Collections.Generic;
using System.Net.Http;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Newtonsoft.Json;

namespace PowerSyncWrites
{
    // One operation on one row. A `PUT` or `PATCH` has its columns under one of the names of `op_data`, and be it `{}`: one that carries no
    // data is `INVALID_TRANSACTION`.
    public sealed class CrudEntry
    {
        // `PUT` writes the whole row, `PATCH` changes the named columns of a row that exists, `DELETE` removes it. A `PATCH` or `DELETE` of a
        // row that does not exist succeeds and writes nothing.
        [JsonProperty("op", Required = Required.Always)]
        public string Op { get; set; }

        // The table's name in the client's schema.
        [JsonProperty("table", Required = Required.Always)]
        public string Table { get; set; }

        // The row's id.
        [JsonProperty("id", Required = Required.Always)]
        public string Id { get; set; }

        // The entry's id in the device's upload queue.
        [JsonProperty("op_id", NullValueHandling = NullValueHandling.Ignore)]
        public long? OpId { get; set; }

        // The id of the local transaction that the entry belongs to.
        [JsonProperty("transaction_id", NullValueHandling = NullValueHandling.Ignore)]
        public long? TransactionId { get; set; }

        // `PUT`: every column that is not NULL. `PATCH`: the changed columns, NULLs included. `DELETE`: absent.
        //
        // A named mutation is a `PUT` into the table `powersync_mutations` with `name`, the mutator's, and `args`, its arguments as JSON text. The other entries of its transaction are what the device shows meanwhile; the server does not apply them, unless the mutator says so.
        [JsonProperty("op_data", NullValueHandling = NullValueHandling.Ignore)]
        public Dictionary<string, object> OpData { get; set; }

        // The row before the change, if the client's schema tracks it.
        [JsonProperty("previous_values", NullValueHandling = NullValueHandling.Ignore)]
        public Dictionary<string, object> PreviousValues { get; set; }

        // The text that the application put in `_metadata`, if the client's schema tracks it.
        [JsonProperty("metadata", NullValueHandling = NullValueHandling.Ignore)]
        public string Metadata { get; set; }
    }

    // The operations of one local transaction, applied together or not at all. A transaction without operations succeeds.
    public sealed class Transaction
    {
        // The local transaction's id. If it is missing, the entries' id is used, if all of them have the same.
        [JsonProperty("transaction_id", NullValueHandling = NullValueHandling.Ignore)]
        public long? TransactionId { get; set; }

        // How often the application has decided to keep the transaction after `requires_client_handling`: 0 at first, and stored on the device before
        // the transaction is sent again. An answer that leaves the decision to the client is saved with it: a copy with the same number or a lower
        // one gets that answer and writes nothing, one with a higher number is tried. `success`, and what was recorded, is final regardless of the
        // number. Without this member, no such answer is saved, and a late copy may overwrite what has been written since.
        [JsonProperty("handling", NullValueHandling = NullValueHandling.Ignore)]
        public long? Handling { get; set; }

        // In the order in which the device made them; at most the server's limit, 10,000 by default.
        [JsonProperty("crud", Required = Required.Always)]
        public List<CrudEntry> Crud { get; set; }
    }

    // Several transactions, in the order of the device's queue.
    public sealed class BatchUpload
    {
        // The device's client id, from the PowerSync SDK (`getClientId()`). With it, and an `op_id` on every entry, a transaction that
        // is sent twice is applied once. An empty text counts as absent.
        [JsonProperty("client_id", NullValueHandling = NullValueHandling.Ignore)]
        public string ClientId { get; set; }

        // For a device that keeps several upload queues under one client id. An empty text counts as absent.
        [JsonProperty("queue_id", NullValueHandling = NullValueHandling.Ignore)]
        public string QueueId { get; set; }

        // At least one; at most the server's limit, 100 by default.
        [JsonProperty("transactions", Required = Required.Always)]
        public List<Transaction> Transactions { get; set; }
    }

    public sealed class CheckpointBody
    {
        // The device, by `getClientId()`.
        [JsonProperty("client_id", Required = Required.Always)]
        public string ClientId { get; set; }
    }

    public sealed class CheckpointRequestBody
    {
        // The device, by `getClientId()`.
        [JsonProperty("client_id", Required = Required.Always)]
        public string ClientId { get; set; }

        // The client's own number, from 0 to 9223372036854775807, as digits; or as an integer, if every JSON parser represents it exactly.
        [JsonProperty("checkpoint_request_id", Required = Required.Always)]
        public string CheckpointRequestId { get; set; }
    }

    // Which operation failed, and why.
    public sealed class FailedOperation
    {
        // One of the library's codes, or one of the application's own.
        [JsonProperty("error_code", Required = Required.Always)]
        public string ErrorCode { get; set; }

        // For people. Never the database's own text.
        [JsonProperty("message", NullValueHandling = NullValueHandling.Ignore)]
        public string Message { get; set; }

        // For a failure about a value, an object with `column`, the client's name for the column, and `columns` if there are several. Otherwise any JSON value that the application adds.
        [JsonProperty("details", NullValueHandling = NullValueHandling.Ignore)]
        public object Details { get; set; }

        // The operation's index in `crud` (or `batch`), from 0. Missing if the failure belongs to no single operation.
        [JsonProperty("operation_index", NullValueHandling = NullValueHandling.Ignore)]
        public long? OperationIndex { get; set; }
    }

    // The result of one transaction.
    public sealed class TransactionResult
    {
        [JsonProperty("status", Required = Required.Always)]
        public string Status { get; set; }

        // For people.
        [JsonProperty("message", NullValueHandling = NullValueHandling.Ignore)]
        public string Message { get; set; }

        // Milliseconds to wait. If it is missing, the client chooses.
        [JsonProperty("retry_after_ms", NullValueHandling = NullValueHandling.Ignore)]
        public long? RetryAfterMs { get; set; }

        // True where the server has recorded nothing and leaves the decision to the client. It ends the batch. To a transaction that came with
        // `handling` the answer is final until it comes with a higher one.
        [JsonProperty("requires_client_handling", NullValueHandling = NullValueHandling.Ignore)]
        public bool? RequiresClientHandling { get; set; }

        // Which operation failed, and why.
        [JsonProperty("failed_operation", NullValueHandling = NullValueHandling.Ignore)]
        public FailedOperation FailedOperation { get; set; }
    }

    public sealed class BatchResponse
    {
        // One for each transaction, in the request's order.
        [JsonProperty("results", Required = Required.Always)]
        public List<TransactionResult> Results { get; set; }
    }

    public sealed class CheckpointResponse
    {
        // Digits, for `complete(checkpoint)`.
        [JsonProperty("checkpoint", Required = Required.Always)]
        public string Checkpoint { get; set; }
    }

    public sealed class CheckpointRequestResponse
    {
        // Digits.
        [JsonProperty("checkpoint_request_id", Required = Required.Always)]
        public string CheckpointRequestId { get; set; }
    }

    // 9007199254740991 means that there is no limit.
    public sealed class Limits
    {
        // Bytes of the body, as sent and as decompressed. Beyond it, 413.
        [JsonProperty("body_bytes", Required = Required.Always)]
        public long BodyBytes { get; set; }

        // Transactions in one request. Beyond it, 400.
        [JsonProperty("transactions", Required = Required.Always)]
        public long Transactions { get; set; }

        // Operations in one transaction. Beyond this and the next four limits, the transaction is `INVALID_TRANSACTION`.
        [JsonProperty("operations", Required = Required.Always)]
        public long Operations { get; set; }

        // Levels of nesting in one operation's members; `op_data` itself is the first.
        [JsonProperty("depth", Required = Required.Always)]
        public long Depth { get; set; }

        // Keys of `op_data`, `previous_values` and the objects inside them, in one transaction.
        [JsonProperty("keys", Required = Required.Always)]
        public long Keys { get; set; }

        // JSON values in one transaction. A body with more than twice as many in all its transactions is answered with 413.
        [JsonProperty("values", NullValueHandling = NullValueHandling.Ignore)]
        public long? Values { get; set; }

        // UTF-16 code units of one text.
        [JsonProperty("string_length", Required = Required.Always)]
        public long StringLength { get; set; }

        // One caller's requests in progress at once. Beyond it, 429.
        [JsonProperty("concurrent_requests", NullValueHandling = NullValueHandling.Ignore)]
        public long? ConcurrentRequests { get; set; }
    }

    // How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
    public sealed class Timeouts
    {
        // After this many milliseconds, no further transaction of the request is begun.
        [JsonProperty("request_ms", Required = Required.Always)]
        public long RequestMs { get; set; }

        // One database transaction. A transaction that fails needs a second one, in which it is recorded.
        [JsonProperty("transaction_ms", Required = Required.Always)]
        public long TransactionMs { get; set; }
    }

    public sealed class LimitsResponse
    {
        // The version of this document. The first number changes only when old clients would break.
        [JsonProperty("contract_version", Required = Required.Always)]
        public string ContractVersion { get; set; }

        // 9007199254740991 means that there is no limit.
        [JsonProperty("limits", Required = Required.Always)]
        public Limits Limits { get; set; }

        // How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
        [JsonProperty("timeouts", NullValueHandling = NullValueHandling.Ignore)]
        public Timeouts Timeouts { get; set; }

        // The names of this server's optional features. Ignore names that you do not know.
        [JsonProperty("features", Required = Required.Always)]
        public List<string> Features { get; set; }
    }

    public sealed class Message
    {
        // For people.
        [JsonProperty("message", Required = Required.Always)]
        public string Text { get; set; }
    }
    public enum Next
    {
        /// <summary>All have been answered: send what comes next.</summary>
        GoOn,
        /// <summary>Send the rest, which has not been tried, at once.</summary>
        SendAgain,
        /// <summary>Send the rest after Verdict.Wait.</summary>
        Wait,
        /// <summary>Get another token, then send the rest.</summary>
        NewToken,
        /// <summary>
        /// The application decides about the first of the rest: the server has recorded nothing of it. To have it tried again, send it with a
        /// Handling that is higher by one.
        /// </summary>
        AskApp,
        /// <summary>The request, or the set-up, is at fault: keep the rest, and tell a person.</summary>
        Report
    }

    /// <summary>What to do after an upload. Remove the first Completed transactions from the queue, whatever Next is.</summary>
    public sealed class Verdict
    {
        private static readonly TimeSpan DefaultWait = TimeSpan.FromSeconds(5);

        public int Completed { get; private set; }
        public Next Next { get; private set; }
        public TimeSpan Wait { get; private set; }
        public string Message { get; private set; }

        /// <summary>One for each transaction. A fatal_error among the first Completed is a dead letter on the server.</summary>
        public IReadOnlyList<TransactionResult> Results { get; private set; }

        private Verdict(int completed, Next next, string message = "", TimeSpan wait = default(TimeSpan))
        {
            Completed = completed;
            Next = next;
            Wait = wait;
            Message = message ?? "";
            Results = new TransactionResult[0];
        }

        /// <summary>Nobody could be reached.</summary>
        public static Verdict Unreached()
        {
            return new Verdict(0, Next.Wait, "The server can't be reached.", DefaultWait);
        }

        /// <summary>What an answer to so many transactions means. What is not recognized is sent again.</summary>
        public static Verdict Of(int status, TimeSpan? retryAfter, string text, int sent)
        {
            if (status == 401) return new Verdict(0, Next.NewToken, AnswerException.MessageOf(text));
            if (status == 429 || status >= 500)
            {
                return new Verdict(0, Next.Wait, AnswerException.MessageOf(text), retryAfter ?? DefaultWait);
            }
            if (status != 200) return new Verdict(0, Next.Report, AnswerException.MessageOf(text));
            List<TransactionResult> results = null;
            try
            {
                results = JsonConvert.DeserializeObject<BatchResponse>(text)?.Results;
            }
            catch (JsonException)
            {
            }
            if (results == null || results.Count != sent || results.Contains(null))
            {
                return new Verdict(0, Next.Wait, "That is no answer of the endpoint's.", DefaultWait);
            }
            var verdict = OfResults(results);
            verdict.Results = results;
            return verdict;
        }

        private static Verdict OfResults(List<TransactionResult> results)
        {
            for (var index = 0; index < results.Count; index++)
            {
                var result = results[index];
                if (result.Status == "success") continue;
                var failed = result.Status == "fatal_error";
                if (failed && result.RequiresClientHandling == false) continue;
                if (failed && result.RequiresClientHandling == true)
                {
                    return new Verdict(index, Next.AskApp, result.Message);
                }
                if (result.Status == "not_attempted" && index > 0)
                {
                    return new Verdict(index, Next.SendAgain, result.Message);
                }
                var wait = result.RetryAfterMs == null
                    ? DefaultWait
                    : TimeSpan.FromMilliseconds(result.RetryAfterMs.Value);
                return new Verdict(index, Next.Wait, result.Message, wait);
            }
            return new Verdict(results.Count, Next.GoOn);
        }
    }

    /// <summary>An answer other than 200 to what is no upload.</summary>
    public sealed class AnswerException : Exception
    {
        public int Status { get; private set; }

        public AnswerException(int status, string text)
            : base("The endpoint answered " + status + ". " + MessageOf(text))
        {
            Status = status;
        }

        internal static string MessageOf(string text)
        {
            try
            {
                return JsonConvert.DeserializeObject<Message>(text)?.Text ?? "";
            }
            catch (JsonException)
            {
                return "";
            }
        }
    }

    public sealed class WriteEndpoint
    {
        private readonly string url;
        private readonly Func<Task<string>> token;
        private readonly HttpClient client;

        /// <param name="url">The endpoint's whole URL, such as https://api.example.com/api/data.</param>
        /// <param name="token">Gives the user's token.</param>
        /// <param name="client">Must not follow redirects: the token is for one server alone.</param>
        public WriteEndpoint(string url, Func<Task<string>> token, HttpClient client = null)
        {
            this.url = url.TrimEnd('/');
            this.token = token;
            this.client = client ?? new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        }

        public async Task<Verdict> Upload(BatchUpload batch, CancellationToken cancellation = default(CancellationToken))
        {
            var bearer = await token();
            try
            {
                using (var response = await Send(HttpMethod.Post, "", batch, bearer, cancellation))
                {
                    var text = await response.Content.ReadAsStringAsync();
                    var wait = response.Headers.RetryAfter?.Delta;
                    return Verdict.Of((int)response.StatusCode, wait, text, batch.Transactions.Count);
                }
            }
            catch (HttpRequestException)
            {
                return Verdict.Unreached();
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                return Verdict.Unreached();
            }
        }

        public Task<CheckpointResponse> CreateCheckpoint(CheckpointBody body)
        {
            return Ask<CheckpointResponse>(HttpMethod.Put, "/checkpoint", body);
        }

        public Task<CheckpointRequestResponse> RequestCheckpoint(CheckpointRequestBody body)
        {
            return Ask<CheckpointRequestResponse>(HttpMethod.Post, "/checkpoint-request", body);
        }

        public Task<LimitsResponse> Limits()
        {
            return Ask<LimitsResponse>(HttpMethod.Get, "/limits", null);
        }

        private async Task<T> Ask<T>(HttpMethod method, string path, object body)
        {
            var bearer = body == null ? null : await token();
            using (var response = await Send(method, path, body, bearer, CancellationToken.None))
            {
                var text = await response.Content.ReadAsStringAsync();
                var status = (int)response.StatusCode;
                if (status != 200) throw new AnswerException(status, text);
                return JsonConvert.DeserializeObject<T>(text);
            }
        }

        private Task<HttpResponseMessage> Send(
            HttpMethod method,
            string path,
            object body,
            string bearer,
            CancellationToken cancellation)
        {
            var request = new HttpRequestMessage(method, url + path);
            if (body != null)
            {
                var text = JsonConvert.SerializeObject(body);
                request.Content = new StringContent(text, new UTF8Encoding(false), "application/json");
                request.Headers.TryAddWithoutValidation("authorization", "Bearer " + bearer);
            }
            return client.SendAsync(request, cancellation);
        }
    }
}
