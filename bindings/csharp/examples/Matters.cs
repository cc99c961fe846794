// Prints who is logged in, until when, and all matters with their clients.
//
// The connection string comes from the environment variable APILINK_CONNECTION_STRING.
using System;
using Apilink;

static class Matters
{
    static int Main()
    {
        var connectionString = Environment.GetEnvironmentVariable("APILINK_CONNECTION_STRING");
        if (string.IsNullOrEmpty(connectionString))
        {
            Console.Error.WriteLine("Set APILINK_CONNECTION_STRING.");
            return 2;
        }
        try
        {
            using (var clio = new Connection(connectionString))
            {
                clio.Connect();
                Print(clio);
            }
            return 0;
        }
        catch (ApilinkException error)
        {
            Console.Error.WriteLine(error.Message);
            return 1;
        }
    }

    static void Print(Connection clio)
    {
        using (var me = clio.Get("users/who_am_i", new Query { { "fields", "name" } }).EnsureSuccess())
            Console.WriteLine($"Logged in as {me.GetString("/data/name")}; the token expires {clio.TokenExpiry}");
        var query = new Query { { "fields", "display_number,client{name}" }, { "order", "id(asc)" }, { "limit", 200 } };
        foreach (var page in clio.Pages("matters", query))
        {
            var count = page.GetLength("/data");
            for (long i = 0; i < count; i++)
                Console.WriteLine(page.GetString($"/data/{i}/display_number") + "\t"
                    + page.GetString($"/data/{i}/client/name"));
        }
    }
}
