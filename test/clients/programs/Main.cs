// Sends three transactions to each URL, and prints what the client makes of the answer; asks the last one for the rest.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using PowerSyncWrites;

public static class Program
{
    private static Transaction Put(long number, string table, Dictionary<string, object> values)
    {
        var entry = new CrudEntry
        {
            Op = "PUT",
            Table = table,
            Id = "00000000-0000-0000-0000-" + number.ToString("D12"),
            OpId = number,
            OpData = values
        };
        return new Transaction { TransactionId = number, Handling = 0, Crud = new List<CrudEntry> { entry } };
    }

    public static void Main(string[] urls)
    {
        var values = new Dictionary<string, object> { { "name", "Bread" }, { "note", null } };
        var batch = new BatchUpload
        {
            ClientId = "csharp",
            Transactions = new List<Transaction>
            {
                Put(1, "lists", values),
                Put(2, "lists", new Dictionary<string, object>()),
                Put(3, "nowhere", new Dictionary<string, object>())
            }
        };
        foreach (var url in urls)
        {
            var verdict = EndpointOf(url).Upload(batch).Result;
            var next = string.Concat(verdict.Next.ToString().Select((letter, at) =>
                (at > 0 && char.IsUpper(letter) ? "_" : "") + char.ToLowerInvariant(letter)));
            var words = new List<string> { verdict.Completed.ToString(), next, verdict.Wait.TotalMilliseconds.ToString() };
            words.AddRange(verdict.Results.Select(result => result.Status));
            Console.WriteLine(string.Join(" ", words));
        }
        var endpoint = EndpointOf(urls.Last());
        var checkpoint = endpoint.CreateCheckpoint(new CheckpointBody { ClientId = "csharp" }).Result;
        Console.WriteLine(endpoint.Limits().Result.ContractVersion + " " + checkpoint.Checkpoint);
    }

    private static WriteEndpoint EndpointOf(string url)
    {
        return new WriteEndpoint(url, () => Task.FromResult("ann"));
    }
}
