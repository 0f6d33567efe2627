/**
 * How an abandoned transaction has its `pg` connection closed. Kysely only lets statements through to a connection, so the request is the text of a
 * statement. `guardPool` recognizes it and sends nothing. If a server gets it nevertheless, it is a comment.
 */

export const abandonment = "-- powersync-writes: end this connection";
