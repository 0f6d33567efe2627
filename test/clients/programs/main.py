"""Sends three transactions to each URL, and prints what the client makes of the answer; asks the last one for the rest."""

import sys
import uuid

from powersync_writes import BatchUpload, CheckpointBody, CrudEntry, Transaction, WriteEndpoint


def put(number, table, op_data):
    entry = CrudEntry(op="PUT", id=str(uuid.UUID(int=number)), table=table, op_id=number, op_data=op_data)
    return Transaction(crud=[entry], transaction_id=number, handling=0)


def main():
    urls = sys.argv[1:]
    batch = BatchUpload(
        client_id="python",
        transactions=[put(1, "lists", {"name": "Bread", "note": None}), put(2, "lists", {}), put(3, "nowhere", {})],
    )
    for url in urls:
        verdict = WriteEndpoint(url, lambda: "ann").upload(batch)
        statuses = [result.status for result in verdict.results or []]
        print(verdict.completed, verdict.next, verdict.wait_ms, *statuses)
    endpoint = WriteEndpoint(urls[-1], lambda: "ann")
    print(endpoint.limits().contract_version, endpoint.create_checkpoint(CheckpointBody("python")).checkpoint)


main()
