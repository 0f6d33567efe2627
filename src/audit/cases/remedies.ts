/** What to mend, where several cases ask for the same. */

export const ledger =
  "Write a row for the transaction's identity into a table with a unique key, in the same database transaction as its operations; where it is there already, write nothing and give the answer that was saved with it. The identity is the caller, client_id, queue_id, the op_ids (or the transaction_id, where no entry has one) and the content.";
