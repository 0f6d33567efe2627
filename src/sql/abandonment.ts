/**
 * How a transaction that has been given up on asks for the end of its `pg` connection, of which Kysely shows nothing but the way for statements.
 * `guardPool` takes the word and sends nothing; to a server that gets to see it, it is a comment.
 */

export const abandonment = "-- powersync-writes: end this connection";
