import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.zip.GZIPInputStream;
import java.util.zip.InflaterInputStream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * A write endpoint for PowerSync uploads with the JDK alone, written from docs/other-languages.md. Its database is a map in memory behind one lock, so that what a
 * transaction is stays visible: rows are copied before the first operation, and put back where one fails.
 *
 *     SECRET=... java Endpoint.java [--reference]
 *
 * Prints its port. With --reference it knows PowerSync's reference contract and nothing more: a request with one bad transaction is refused whole, no identity is kept,
 * and there are no limits to ask for.
 */
public final class Endpoint {
  static final String PATH = "/api/data";
  static final byte[] SECRET = System.getenv("SECRET").getBytes(StandardCharsets.UTF_8);
  static final int BODY_BYTES = 6_000_000;
  static final int TRANSACTIONS = 55;
  static final int OPERATIONS = 800;
  static final int DEPTH = 40;
  static final int KEYS = 60_000;
  static final int STRING_LENGTH = 600_000;
  static boolean reference;

  // --- Failures ---

  static final class Fatal extends RuntimeException {
    final String code;
    final Integer index;

    Fatal(String code, String message, Integer index) {
      super(message);
      this.code = code;
      this.index = index;
    }
  }

  static final class Refused extends RuntimeException {
    final int status;

    Refused(int status, String message) {
      super(message);
      this.status = status;
    }
  }

  static Fatal invalid(String message, Integer index) {
    return new Fatal("INVALID_TRANSACTION", message, index);
  }

  // --- JSON: numbers keep their digits ---

  static final class Json {
    private final String text;
    private int at;

    Json(String text) {
      this.text = text;
    }

    static Object parse(String text) {
      Json json = new Json(text);
      Object value = json.value();
      json.space();
      if (json.at != text.length()) throw json.wrong();
      return value;
    }

    private IllegalArgumentException wrong() {
      return new IllegalArgumentException("not JSON");
    }

    private void space() {
      while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) at++;
    }

    private char next() {
      if (at >= text.length()) throw wrong();
      return text.charAt(at++);
    }

    private Object word(String word, Object value) {
      if (!text.startsWith(word, at)) throw wrong();
      at += word.length();
      return value;
    }

    private Object value() {
      space();
      if (at >= text.length()) throw wrong();
      return switch (text.charAt(at)) {
        case '{' -> object();
        case '[' -> list();
        case '"' -> string();
        case 't' -> word("true", true);
        case 'f' -> word("false", false);
        case 'n' -> word("null", null);
        default -> number();
      };
    }

    private Object object() {
      at++;
      Map<String, Object> map = new LinkedHashMap<>();
      space();
      if (text.startsWith("}", at)) return word("}", map);
      while (true) {
        space();
        if (at >= text.length() || text.charAt(at) != '"') throw wrong();
        String name = string();
        space();
        if (next() != ':') throw wrong();
        map.put(name, value());
        space();
        char mark = next();
        if (mark == '}') return map;
        if (mark != ',') throw wrong();
      }
    }

    private Object list() {
      at++;
      List<Object> list = new ArrayList<>();
      space();
      if (text.startsWith("]", at)) return word("]", list);
      while (true) {
        list.add(value());
        space();
        char mark = next();
        if (mark == ']') return list;
        if (mark != ',') throw wrong();
      }
    }

    private String string() {
      at++;
      StringBuilder out = new StringBuilder();
      while (true) {
        char each = next();
        if (each == '"') return out.toString();
        if (each < ' ') throw wrong();
        if (each != '\\') {
          out.append(each);
          continue;
        }
        char escape = next();
        int known = "\"\\/bfnrt".indexOf(escape);
        if (known >= 0) out.append("\"\\/\b\f\n\r\t".charAt(known));
        else if (escape == 'u' && text.substring(at, Math.min(at + 4, text.length())).matches("[0-9a-fA-F]{4}")) {
          out.append((char) Integer.parseInt(text, at, at + 4, 16));
          at += 4;
        } else throw wrong();
      }
    }

    private Object number() {
      int from = at;
      while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) at++;
      String digits = text.substring(from, at);
      if (!digits.matches("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?") || digits.length() > 400) throw wrong();
      return digits.matches("-?[0-9]+") ? new BigInteger(digits) : new BigDecimal(digits);
    }

    /** Members in the order of their names; beyond ASCII as escapes, so that any text can be stored. */
    static void write(Object value, StringBuilder out) {
      if (value instanceof Map<?, ?> map) {
        String mark = "{";
        for (Map.Entry<?, ?> each : new TreeMap<>(map).entrySet()) {
          out.append(mark);
          write(each.getKey(), out);
          out.append(':');
          write(each.getValue(), out);
          mark = ",";
        }
        out.append(map.isEmpty() ? "{}" : "}");
      } else if (value instanceof List<?> list) {
        String mark = "[";
        for (Object each : list) {
          out.append(mark);
          write(each, out);
          mark = ",";
        }
        out.append(list.isEmpty() ? "[]" : "]");
      } else if (value instanceof String text) {
        out.append('"');
        for (char each : text.toCharArray()) {
          if (each == '"' || each == '\\') out.append('\\').append(each);
          else if (each < ' ' || each > '~') out.append(String.format("\\u%04x", (int) each));
          else out.append(each);
        }
        out.append('"');
      } else out.append(value);
    }

    static String text(Object value) {
      StringBuilder out = new StringBuilder();
      write(value, out);
      return out.toString();
    }
  }

  // --- A transaction's form ---

  static boolean isId(Object value) {
    return value == null || value instanceof BigInteger;
  }

  record Nested(Object value, int depth) {}

  static void checkBounds(Object entry, int index) {
    int keys = 0;
    List<Nested> waiting = new ArrayList<>(List.of(new Nested(entry == null ? "" : entry, 0)));
    while (!waiting.isEmpty()) {
      Nested each = waiting.remove(waiting.size() - 1);
      if (each.depth > DEPTH) throw invalid("The values are nested too deep.", index);
      if (each.value instanceof String text && text.length() > STRING_LENGTH) throw invalid("A text is too long.", index);
      if (each.value instanceof Map<?, ?> map) keys += map.size();
      Iterable<?> inner = each.value instanceof Map<?, ?> map ? map.values() : each.value instanceof List<?> list ? list : List.of();
      for (Object value : inner) waiting.add(new Nested(value, each.depth + 1));
    }
    if (keys > KEYS) throw invalid("There are too many keys.", index);
  }

  static void checkTransaction(Object given) {
    if (!(given instanceof Map<?, ?> transaction)) throw invalid("A transaction must be an object.", null);
    if (!(transaction.get("crud") instanceof List<?> crud)) throw invalid("A transaction must have a list crud.", null);
    if (crud.size() > OPERATIONS) throw invalid("There are too many operations.", null);
    if (!isId(transaction.get("transaction_id"))) throw invalid("transaction_id must be an integer.", null);
    for (int index = 0; index < crud.size(); index++) {
      checkBounds(crud.get(index), index);
      if (!(crud.get(index) instanceof Map<?, ?> entry)) throw invalid("An entry must be an object.", index);
      Object op = entry.get("op");
      if (op == null || !Set.of("PUT", "PATCH", "DELETE").contains(op)) throw invalid("op must be PUT, PATCH or DELETE.", index);
      for (String name : List.of("table", "id"))
        if (!(entry.get(name) instanceof String text) || text.isEmpty()) throw invalid(name + " must be a text.", index);
      Object data = entry.get("op_data");
      boolean needless = op.equals("DELETE") && data == null;
      if (!(data instanceof Map<?, ?>) && !needless) throw invalid("op_data must be an object.", index);
      if (!isId(entry.get("op_id"))) throw invalid("op_id must be an integer.", index);
      Object metadata = entry.get("metadata");
      if (metadata != null && !(metadata instanceof String)) throw invalid("metadata must be a text.", index);
    }
  }

  // --- The database: a map, and one lock ---

  static final Object lock = new Object();
  static Map<String, Map<String, Object>> rows = new HashMap<>();
  static final Map<String, String> ledger = new HashMap<>();
  static final List<String> deadLetters = new ArrayList<>();

  static Object converted(String column, Object value, int index) {
    if (value == null) return null;
    Fatal unfit = new Fatal("INVALID_DATA", "A value does not fit its column.", index);
    switch (column) {
      case "code", "note" -> {
        if (!(value instanceof String text)) throw unfit;
        if (text.length() > (column.equals("code") ? 64 : STRING_LENGTH)) throw unfit;
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) throw unfit;
        return text;
      }
      case "big", "size" -> {
        boolean digits = value instanceof String text && text.matches("-?[0-9]{1,19}");
        if (!digits && !(value instanceof BigInteger)) throw unfit;
        BigInteger number = new BigInteger(value.toString());
        if (number.bitLength() > (column.equals("big") ? 63 : 31)) throw unfit;
        return number;
      }
      default -> throw new Fatal("FORBIDDEN_COLUMN", "The column can't be written here.", index);
    }
  }

  static void apply(String caller, Map<?, ?> entry, int index) {
    if (!entry.get("table").equals("powersync_audit")) throw new Fatal("UNKNOWN_TABLE", "The table can't be written here.", index);
    String id = (String) entry.get("id");
    if (!id.matches("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")) throw new Fatal("INVALID_DATA", "The id is no UUID.", index);
    Map<String, Object> values = new HashMap<>();
    if (entry.get("op_data") instanceof Map<?, ?> data) {
      for (Map.Entry<?, ?> each : data.entrySet()) {
        String column = (String) each.getKey();
        if (column.equals("id") && id.equals(each.getValue())) continue;
        values.put(column, converted(column, each.getValue(), index));
      }
    }
    Map<String, Object> stored = rows.get(id);
    if (stored != null && !stored.get("owner_id").equals(caller)) throw new Fatal("UNAUTHORIZED", "The row can't be written by this caller.", index);
    if (entry.get("op").equals("DELETE")) {
      rows.remove(id);
      return;
    }
    if (stored == null && entry.get("op").equals("PATCH")) return;
    Map<String, Object> row = new HashMap<>(stored == null ? Map.of("owner_id", caller) : stored);
    row.putAll(values);
    if (row.get("size") instanceof BigInteger size && size.signum() < 0) throw new Fatal("CHECK_VIOLATION", "A value breaks a rule of the table.", index);
    for (String column : List.of("code", "big")) {
      Object value = row.get(column);
      for (Map.Entry<String, Map<String, Object>> other : rows.entrySet()) {
        if (value != null && !other.getKey().equals(id) && value.equals(other.getValue().get(column)))
          throw new Fatal("UNIQUE_VIOLATION", "Another row has a value that must be unique.", index);
      }
    }
    rows.put(id, row);
  }

  static String identityOf(String caller, Map<?, ?> envelope, Object given) {
    if (reference || !(given instanceof Map<?, ?> transaction) || !(transaction.get("crud") instanceof List<?> crud)) return null;
    List<Object> ids = new ArrayList<>();
    List<Object> content = new ArrayList<>();
    for (Object each : crud) {
      if (!(each instanceof Map<?, ?> entry)) return null;
      if (entry.get("op_id") != null) ids.add(entry.get("op_id"));
      content.add(Arrays.asList(entry.get("op"), entry.get("table"), entry.get("id"), entry.get("op_data")));
    }
    if (!ids.isEmpty() && ids.size() < crud.size()) return null;
    Object own = ids.isEmpty() ? transaction.get("transaction_id") : ids;
    if (own == null) return null;
    String text = Json.text(Arrays.asList(caller, envelope.get("client_id"), envelope.get("queue_id"), own, content));
    try {
      return Base64.getEncoder().encodeToString(MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII)));
    } catch (GeneralSecurityException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  static Map<String, Object> answerOf(Fatal fault) {
    Map<String, Object> failed = new LinkedHashMap<>();
    failed.put("error_code", fault.code);
    failed.put("message", fault.getMessage());
    if (fault.index != null) failed.put("operation_index", fault.index);
    return Map.of("status", "fatal_error", "requires_client_handling", false, "message", fault.getMessage(), "failed_operation", failed);
  }

  @SuppressWarnings("unchecked")
  static Map<String, Object> process(String caller, Map<?, ?> envelope, Object transaction) {
    String identity = identityOf(caller, envelope, transaction);
    synchronized (lock) {
      if (identity != null && ledger.containsKey(identity)) return (Map<String, Object>) Json.parse(ledger.get(identity));
      Map<String, Map<String, Object>> before = new HashMap<>(rows);
      Map<String, Object> answer = Map.of("status", "success");
      try {
        checkTransaction(transaction);
        int index = 0;
        for (Object entry : (List<?>) ((Map<?, ?>) transaction).get("crud")) apply(caller, (Map<?, ?>) entry, index++);
      } catch (Fatal fault) {
        rows = before;
        answer = answerOf(fault);
        deadLetters.add(Json.text(Arrays.asList(caller, transaction, answer)));
      } catch (RuntimeException | Error unknown) {
        rows = before;
        throw unknown;
      }
      if (identity != null) ledger.put(identity, Json.text(answer));
      return answer;
    }
  }

  static Map<String, Object> processAll(String caller, Object given) {
    if (!(given instanceof Map<?, ?> envelope) || !(envelope.get("transactions") instanceof List<?> transactions) || transactions.isEmpty())
      throw new Refused(400, "Expected an object with a list of transactions.");
    if (transactions.size() > (reference ? 50 : TRANSACTIONS)) throw new Refused(400, "There are too many transactions.");
    for (String name : List.of("client_id", "queue_id"))
      if (!reference && envelope.get(name) != null && !(envelope.get(name) instanceof String)) throw new Refused(400, name + " must be a text.");
    if (reference) {
      try {
        transactions.forEach(Endpoint::checkTransaction);
      } catch (Fatal fault) {
        throw new Refused(400, fault.getMessage());
      }
    }
    List<Object> results = new ArrayList<>();
    boolean ended = false;
    for (Object transaction : transactions) {
      Map<String, Object> result = Map.of("status", "not_attempted");
      if (!ended) {
        try {
          result = process(caller, envelope, transaction);
        } catch (RuntimeException | Error unknown) {
          System.err.println(unknown);
          result = Map.of("status", "retryable_error", "message", "The change can't be made right now.");
        }
      }
      results.add(result);
      ended = ended || !result.get("status").equals("success");
    }
    return Map.of("results", results);
  }

  // --- HTTP ---

  static String callerOf(String header) {
    try {
      String[] parts = header.split("[ .]");
      if (parts.length != 4 || !parts[0].equalsIgnoreCase("bearer")) throw new IllegalArgumentException();
      Base64.Decoder base64 = Base64.getUrlDecoder();
      Map<?, ?> head = (Map<?, ?>) Json.parse(new String(base64.decode(parts[1]), StandardCharsets.UTF_8));
      if (!"HS256".equals(head.get("alg"))) throw new IllegalArgumentException();
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(SECRET, "HmacSHA256"));
      byte[] expected = mac.doFinal((parts[1] + "." + parts[2]).getBytes(StandardCharsets.US_ASCII));
      if (!MessageDigest.isEqual(expected, base64.decode(parts[3]))) throw new IllegalArgumentException();
      Map<?, ?> claims = (Map<?, ?>) Json.parse(new String(base64.decode(parts[2]), StandardCharsets.UTF_8));
      if (((BigInteger) claims.get("exp")).longValueExact() < System.currentTimeMillis() / 1000) throw new IllegalArgumentException();
      return (String) claims.get("sub");
    } catch (RuntimeException | GeneralSecurityException invalid) {
      throw new Refused(401, "Authentication is required.");
    }
  }

  /** @return nothing where there are more bytes; they are read all the same, so that the answer is */
  static byte[] readAll(InputStream in) throws IOException {
    byte[] bytes = in.readNBytes(BODY_BYTES + 1);
    if (bytes.length <= BODY_BYTES) return bytes;
    in.transferTo(java.io.OutputStream.nullOutputStream());
    return null;
  }

  static Object upload(HttpExchange exchange, byte[] raw) throws IOException {
    var headers = exchange.getRequestHeaders();
    String caller = callerOf(String.valueOf(headers.getFirst("authorization")));
    String type = String.valueOf(headers.getFirst("content-type")).toLowerCase().replace(" ", "");
    if (!type.matches("application/json(;charset=\"?utf-8\"?)?")) throw new Refused(415, "Send application/json.");
    if (raw == null) throw new Refused(413, "The body is too large.");
    String encoding = headers.getFirst("content-encoding");
    byte[] body = raw;
    if (encoding != null && !encoding.equalsIgnoreCase("identity")) {
      try (InputStream packed = new ByteArrayInputStream(raw);
          InputStream in = switch (encoding.toLowerCase()) {
            case "gzip" -> new GZIPInputStream(packed);
            case "deflate" -> new InflaterInputStream(packed);
            default -> throw new Refused(415, "Send the body as it is, or as gzip or deflate.");
          }) {
        body = in.readNBytes(BODY_BYTES + 1);
      } catch (IOException broken) {
        throw new Refused(400, "The body is not what its encoding says.");
      }
      if (body.length > BODY_BYTES) throw new Refused(413, "The body is too large.");
    }
    Object envelope;
    try {
      envelope = Json.parse(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString());
    } catch (CharacterCodingException | IllegalArgumentException | StackOverflowError bad) {
      throw new Refused(400, "The body is not JSON.");
    }
    return processAll(caller, envelope);
  }

  static void answer(HttpExchange exchange, int status, String type, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    var headers = exchange.getResponseHeaders();
    headers.set("content-type", type);
    String name = exchange.getRequestHeaders().getFirst("x-correlation-id");
    headers.set("x-correlation-id", name != null && name.matches("[\\w.-]{1,100}") ? name : UUID.randomUUID().toString());
    if (status == 401) headers.set("www-authenticate", "Bearer");
    if (status == 503) headers.set("retry-after", "5");
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  static void handle(HttpExchange exchange) {
    try (exchange) {
      byte[] raw = readAll(exchange.getRequestBody());
      String route = exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath();
      try {
        if (route.equals("POST " + PATH)) {
          answer(exchange, 200, "application/json", Json.text(upload(exchange, raw)));
        } else if (!reference && route.equals("GET " + PATH + "/limits")) {
          Map<String, Object> limits = Map.of("body_bytes", BODY_BYTES, "transactions", TRANSACTIONS, "operations", OPERATIONS, "depth", DEPTH, "keys", KEYS, "string_length", STRING_LENGTH);
          answer(exchange, 200, "application/json", Json.text(Map.of("contract_version", "1.0.0", "limits", limits, "features", List.of("ledger"))));
        } else if (!reference && route.equals("GET " + PATH + "/openapi.yaml")) {
          answer(exchange, 200, "application/yaml", Files.readString(Path.of("src/wire/openapi.yaml")));
        } else throw new Refused(404, "Not found.");
      } catch (Refused refused) {
        answer(exchange, refused.status, "application/json", Json.text(Map.of("message", refused.getMessage())));
      }
    } catch (IOException | RuntimeException | Error left) {
      // The client has left, or the process is at its end: the device sends again what was not answered.
      System.err.println(left);
    }
  }

  public static void main(String[] arguments) throws IOException {
    reference = List.of(arguments).contains("--reference");
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 256);
    server.createContext("/", Endpoint::handle);
    // Values that are nested too deep are that transaction's failure, so they have to be read.
    server.setExecutor(work -> new Thread(null, work, "request", 256L << 20).start());
    server.start();
    System.out.println(server.getAddress().getPort());
  }
}
