/** Letters as JSON, in the wire's words: a line of an export, an answer of the admin routes. */
import { stringifyJson } from "../wire/serialize.js";
import type { Letter, LetterSummary } from "../store/letters.js";

export function wireSummary(letter: LetterSummary): Readonly<Record<string, unknown>> {
  return {
    id: letter.id,
    status: letter.status,
    user_id: letter.userId,
    client_id: letter.clientId,
    queue_id: letter.queueId,
    error_code: letter.errorCode,
    message: letter.message,
    operation_index: letter.operationIndex,
    identity: letter.identity,
    tables: letter.tables,
    attempts: letter.attempts,
    first_seen_at: letter.firstSeenAt,
    last_seen_at: letter.lastSeenAt,
    edited: letter.edited,
    reason: letter.reason,
    closed_at: letter.closedAt,
  };
}

export function wireLetter(letter: Letter): Readonly<Record<string, unknown>> {
  return {
    ...wireSummary(letter),
    payload: letter.payload,
    original_payload: letter.originalPayload,
    principal: letter.principal,
    rows: letter.rows,
    unread_rows: letter.unreadRows,
  };
}

/** One line, with its break. Integers keep all their digits. */
export function letterLine(letter: Letter): string {
  return `${stringifyJson(wireLetter(letter))}\n`;
}
