// A client of the write endpoint, by version 1.0.0 of its contract: models, and what to do with each answer.
// Made from openapi.yaml by npm run generate. Copy it into your project.
//
// Dart 3 with package:http.
import 'dart:async';
import 'dart:convert';

import 'package:http/http.dart' as http;

/// One operation on one row. A `PUT` or `PATCH` has its columns under one of the names of `op_data`, and be it `{}`: one that carries no
/// data is `INVALID_TRANSACTION`.
class CrudEntry {
  /// `PUT` writes the whole row, `PATCH` changes the named columns of a row that exists, `DELETE` removes it. A `PATCH` or `DELETE` of a
  /// row that does not exist succeeds and writes nothing.
  final String op;
  /// The table's name in the client's schema.
  final String table;
  /// The row's id.
  final String id;
  /// The entry's id in the device's upload queue.
  final int? opId;
  /// The id of the local transaction that the entry belongs to.
  final int? transactionId;
  /// `PUT`: every column that is not NULL. `PATCH`: the changed columns, NULLs included. `DELETE`: absent.
  ///
  /// A named mutation is a `PUT` into the table `powersync_mutations` with `name`, the mutator's, and `args`, its arguments as JSON text. The other entries of its transaction are what the device shows meanwhile; the server does not apply them, unless the mutator says so.
  final Map<String, Object?>? opData;
  /// The row before the change, if the client's schema tracks it.
  final Map<String, Object?>? previousValues;
  /// The text that the application put in `_metadata`, if the client's schema tracks it.
  final String? metadata;

  const CrudEntry({
    required this.op,
    required this.table,
    required this.id,
    this.opId,
    this.transactionId,
    this.opData,
    this.previousValues,
    this.metadata,
  });

  Map<String, Object?> toJson() => {
        'op': op,
        'table': table,
        'id': id,
        if (opId != null) 'op_id': opId,
        if (transactionId != null) 'transaction_id': transactionId,
        if (opData != null) 'op_data': opData,
        if (previousValues != null) 'previous_values': previousValues,
        if (metadata != null) 'metadata': metadata,
      };
}

/// The operations of one local transaction, applied together or not at all. A transaction without operations succeeds.
class Transaction {
  /// The local transaction's id. If it is missing, the entries' id is used, if all of them have the same.
  final int? transactionId;
  /// How often the application has decided to keep the transaction after `requires_client_handling`: 0 at first, and stored on the device before
  /// the transaction is sent again. An answer that leaves the decision to the client is saved with it: a copy with the same number or a lower
  /// one gets that answer and writes nothing, one with a higher number is tried. `success`, and what was recorded, is final regardless of the
  /// number. Without this member, no such answer is saved, and a late copy may overwrite what has been written since.
  final int? handling;
  /// In the order in which the device made them; at most the server's limit, 10,000 by default.
  final List<CrudEntry> crud;

  const Transaction({
    this.transactionId,
    this.handling,
    required this.crud,
  });

  Map<String, Object?> toJson() => {
        if (transactionId != null) 'transaction_id': transactionId,
        if (handling != null) 'handling': handling,
        'crud': [for (final each in crud) each.toJson()],
      };
}

/// Several transactions, in the order of the device's queue.
class BatchUpload {
  /// The device's client id, from the PowerSync SDK (`getClientId()`). With it, and an `op_id` on every entry, a transaction that
  /// is sent twice is applied once. An empty text counts as absent.
  final String? clientId;
  /// For a device that keeps several upload queues under one client id. An empty text counts as absent.
  final String? queueId;
  /// At least one; at most the server's limit, 100 by default.
  final List<Transaction> transactions;

  const BatchUpload({
    this.clientId,
    this.queueId,
    required this.transactions,
  });

  Map<String, Object?> toJson() => {
        if (clientId != null) 'client_id': clientId,
        if (queueId != null) 'queue_id': queueId,
        'transactions': [for (final each in transactions) each.toJson()],
      };
}

class CheckpointBody {
  /// The device, by `getClientId()`.
  final String clientId;

  const CheckpointBody({
    required this.clientId,
  });

  Map<String, Object?> toJson() => {
        'client_id': clientId,
      };
}

class CheckpointRequestBody {
  /// The device, by `getClientId()`.
  final String clientId;
  /// The client's own number, from 0 to 9223372036854775807, as digits; or as an integer, if every JSON parser represents it exactly.
  final String checkpointRequestId;

  const CheckpointRequestBody({
    required this.clientId,
    required this.checkpointRequestId,
  });

  Map<String, Object?> toJson() => {
        'client_id': clientId,
        'checkpoint_request_id': checkpointRequestId,
      };
}

/// Which operation failed, and why.
class FailedOperation {
  /// One of the library's codes, or one of the application's own.
  final String errorCode;
  /// For people. Never the database's own text.
  final String? message;
  /// For a failure about a value, an object with `column`, the client's name for the column, and `columns` if there are several. Otherwise any JSON value that the application adds.
  final Object? details;
  /// The operation's index in `crud` (or `batch`), from 0. Missing if the failure belongs to no single operation.
  final int? operationIndex;

  const FailedOperation({
    required this.errorCode,
    this.message,
    this.details,
    this.operationIndex,
  });

  factory FailedOperation.fromJson(Map<String, Object?> json) => FailedOperation(
        errorCode: json['error_code'] as String,
        message: json['message'] as String?,
        details: json['details'],
        operationIndex: json['operation_index'] as int?,
      );
}

/// The result of one transaction.
class TransactionResult {
  final String status;
  /// For people.
  final String? message;
  /// Milliseconds to wait. If it is missing, the client chooses.
  final int? retryAfterMs;
  /// True where the server has recorded nothing and leaves the decision to the client. It ends the batch. To a transaction that came with
  /// `handling` the answer is final until it comes with a higher one.
  final bool? requiresClientHandling;
  /// Which operation failed, and why.
  final FailedOperation? failedOperation;

  const TransactionResult({
    required this.status,
    this.message,
    this.retryAfterMs,
    this.requiresClientHandling,
    this.failedOperation,
  });

  factory TransactionResult.fromJson(Map<String, Object?> json) => TransactionResult(
        status: json['status'] as String,
        message: json['message'] as String?,
        retryAfterMs: json['retry_after_ms'] as int?,
        requiresClientHandling: json['requires_client_handling'] as bool?,
        failedOperation: json['failed_operation'] == null ? null : FailedOperation.fromJson(json['failed_operation'] as Map<String, Object?>),
      );
}

class BatchResponse {
  /// One for each transaction, in the request's order.
  final List<TransactionResult> results;

  const BatchResponse({
    required this.results,
  });

  factory BatchResponse.fromJson(Map<String, Object?> json) => BatchResponse(
        results: [
          for (final each in json['results'] as List<Object?>)
            TransactionResult.fromJson(each as Map<String, Object?>),
        ],
      );
}

class CheckpointResponse {
  /// Digits, for `complete(checkpoint)`.
  final String checkpoint;

  const CheckpointResponse({
    required this.checkpoint,
  });

  factory CheckpointResponse.fromJson(Map<String, Object?> json) => CheckpointResponse(
        checkpoint: json['checkpoint'] as String,
      );
}

class CheckpointRequestResponse {
  /// Digits.
  final String checkpointRequestId;

  const CheckpointRequestResponse({
    required this.checkpointRequestId,
  });

  factory CheckpointRequestResponse.fromJson(Map<String, Object?> json) => CheckpointRequestResponse(
        checkpointRequestId: json['checkpoint_request_id'] as String,
      );
}

/// 9007199254740991 means that there is no limit.
class Limits {
  /// Bytes of the body, as sent and as decompressed. Beyond it, 413.
  final int bodyBytes;
  /// Transactions in one request. Beyond it, 400.
  final int transactions;
  /// Operations in one transaction. Beyond this and the next four limits, the transaction is `INVALID_TRANSACTION`.
  final int operations;
  /// Levels of nesting in one operation's members; `op_data` itself is the first.
  final int depth;
  /// Keys of `op_data`, `previous_values` and the objects inside them, in one transaction.
  final int keys;
  /// JSON values in one transaction. A body with more than twice as many in all its transactions is answered with 413.
  final int? values;
  /// UTF-16 code units of one text.
  final int stringLength;
  /// One caller's requests in progress at once. Beyond it, 429.
  final int? concurrentRequests;

  const Limits({
    required this.bodyBytes,
    required this.transactions,
    required this.operations,
    required this.depth,
    required this.keys,
    this.values,
    required this.stringLength,
    this.concurrentRequests,
  });

  factory Limits.fromJson(Map<String, Object?> json) => Limits(
        bodyBytes: json['body_bytes'] as int,
        transactions: json['transactions'] as int,
        operations: json['operations'] as int,
        depth: json['depth'] as int,
        keys: json['keys'] as int,
        values: json['values'] as int?,
        stringLength: json['string_length'] as int,
        concurrentRequests: json['concurrent_requests'] as int?,
      );
}

/// How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
class Timeouts {
  /// After this many milliseconds, no further transaction of the request is begun.
  final int requestMs;
  /// One database transaction. A transaction that fails needs a second one, in which it is recorded.
  final int transactionMs;

  const Timeouts({
    required this.requestMs,
    required this.transactionMs,
  });

  factory Timeouts.fromJson(Map<String, Object?> json) => Timeouts(
        requestMs: json['request_ms'] as int,
        transactionMs: json['transaction_ms'] as int,
      );
}

class LimitsResponse {
  /// The version of this document. The first number changes only when old clients would break.
  final String contractVersion;
  /// 9007199254740991 means that there is no limit.
  final Limits limits;
  /// How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit.
  final Timeouts? timeouts;
  /// The names of this server's optional features. Ignore names that you do not know.
  final List<String> features;

  const LimitsResponse({
    required this.contractVersion,
    required this.limits,
    this.timeouts,
    required this.features,
  });

  factory LimitsResponse.fromJson(Map<String, Object?> json) => LimitsResponse(
        contractVersion: json['contract_version'] as String,
        limits: Limits.fromJson(json['limits'] as Map<String, Object?>),
        timeouts: json['timeouts'] == null ? null : Timeouts.fromJson(json['timeouts'] as Map<String, Object?>),
        features: (json['features'] as List<Object?>).cast<String>(),
      );
}

class Message {
  /// For people.
  final String message;

  const Message({
    required this.message,
  });

  factory Message.fromJson(Map<String, Object?> json) => Message(
        message: json['message'] as String,
      );
}
enum Next {
  /// All have been answered: send what comes next.
  goOn,

  /// Send the rest, which has not been tried, at once.
  sendAgain,

  /// Send the rest after [Verdict.wait].
  wait,

  /// Get another token, then send the rest.
  newToken,

  /// The application decides about the first of the rest: the server has recorded nothing of it. To have it tried again, send it with a
  /// `handling` that is higher by one.
  askApp,

  /// The request, or the set-up, is at fault: keep the rest, and tell a person.
  report,
}

/// What to do after an upload. Remove the first [completed] transactions from the queue, whatever [next] is.
class Verdict {
  final int completed;
  final Next next;
  final Duration wait;
  final String message;

  /// One for each transaction. A `fatal_error` among the first [completed] is a dead letter on the server.
  final List<TransactionResult> results;

  const Verdict(
    this.completed,
    this.next, {
    this.wait = Duration.zero,
    this.message = '',
    this.results = const [],
  });
}

const _defaultWait = Duration(seconds: 5);

/// What an answer to [sent] transactions means. What is not recognized is sent again.
Verdict judge(int status, String? retryAfter, String text, int sent) {
  if (status == 401) return Verdict(0, Next.newToken, message: _messageOf(text));
  if (status == 429 || status >= 500) {
    final seconds = int.tryParse(retryAfter ?? '');
    final wait = seconds == null || seconds < 0 ? _defaultWait : Duration(seconds: seconds);
    return Verdict(0, Next.wait, wait: wait, message: _messageOf(text));
  }
  if (status != 200) return Verdict(0, Next.report, message: _messageOf(text));
  final results = _resultsOf(text);
  if (results.length != sent) {
    return const Verdict(0, Next.wait, wait: _defaultWait, message: "That is no answer of the endpoint's.");
  }
  for (var index = 0; index < results.length; index++) {
    final result = results[index];
    if (result.status == 'success') continue;
    final message = result.message ?? '';
    final failed = result.status == 'fatal_error';
    if (failed && result.requiresClientHandling == false) continue;
    if (failed && result.requiresClientHandling == true) {
      return Verdict(index, Next.askApp, message: message, results: results);
    }
    if (result.status == 'not_attempted' && index > 0) {
      return Verdict(index, Next.sendAgain, message: message, results: results);
    }
    final waitMs = result.retryAfterMs;
    final wait = waitMs == null ? _defaultWait : Duration(milliseconds: waitMs);
    return Verdict(index, Next.wait, wait: wait, message: message, results: results);
  }
  return Verdict(sent, Next.goOn, results: results);
}

List<TransactionResult> _resultsOf(String text) {
  try {
    return BatchResponse.fromJson(jsonDecode(text) as Map<String, Object?>).results;
  } on FormatException {
    return const [];
  } on TypeError {
    return const [];
  }
}

String _messageOf(String text) {
  try {
    return Message.fromJson(jsonDecode(text) as Map<String, Object?>).message;
  } on FormatException {
    return '';
  } on TypeError {
    return '';
  }
}

/// An answer other than 200 to what is no upload.
class AnswerException implements Exception {
  final int status;
  final String message;

  const AnswerException(this.status, this.message);

  @override
  String toString() => 'The endpoint answered $status. $message';
}

class WriteEndpoint {
  /// The endpoint's whole URL, such as https://api.example.com/api/data.
  final String url;
  final Future<String> Function() token;
  final Duration timeout;
  final http.Client _client;

  WriteEndpoint(
    this.url,
    this.token, {
    this.timeout = const Duration(minutes: 1),
    http.Client? client,
  }) : _client = client ?? http.Client();

  Future<Verdict> upload(BatchUpload batch) async {
    final bearer = await token();
    try {
      final answer = await _send('POST', '', batch.toJson(), bearer);
      return judge(
        answer.statusCode,
        answer.headers['retry-after'],
        utf8.decode(answer.bodyBytes, allowMalformed: true),
        batch.transactions.length,
      );
    } on http.ClientException {
      return _unreached;
    } on TimeoutException {
      return _unreached;
    }
  }

  static const _unreached =
      Verdict(0, Next.wait, wait: _defaultWait, message: "The server can't be reached.");

  Future<CheckpointResponse> createCheckpoint(CheckpointBody body) async =>
      CheckpointResponse.fromJson(await _ask('PUT', '/checkpoint', body.toJson()));

  Future<CheckpointRequestResponse> requestCheckpoint(CheckpointRequestBody body) async =>
      CheckpointRequestResponse.fromJson(await _ask('POST', '/checkpoint-request', body.toJson()));

  Future<LimitsResponse> limits() async =>
      LimitsResponse.fromJson(await _ask('GET', '/limits', null));

  Future<Map<String, Object?>> _ask(String method, String path, Map<String, Object?>? body) async {
    final bearer = body == null ? '' : await token();
    final answer = await _send(method, path, body, bearer);
    final text = utf8.decode(answer.bodyBytes, allowMalformed: true);
    if (answer.statusCode != 200) throw AnswerException(answer.statusCode, _messageOf(text));
    return jsonDecode(text) as Map<String, Object?>;
  }

  Future<http.Response> _send(
    String method,
    String path,
    Map<String, Object?>? body,
    String bearer,
  ) async {
    final request = http.Request(method, Uri.parse(url.replaceFirst(RegExp(r'/+$'), '') + path));
    // The token is for one server alone.
    request.followRedirects = false;
    if (body != null) {
      request.headers['content-type'] = 'application/json';
      request.headers['authorization'] = 'Bearer $bearer';
      request.bodyBytes = utf8.encode(jsonEncode(body));
    }
    return http.Response.fromStream(await _client.send(request)).timeout(timeout);
  }
}
