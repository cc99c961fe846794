// The tests of the binding. tests/e2e/test_csharp_binding.py compiles this, starts a sandbox for
// each test and runs `Tests.exe NAME`.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading;
using Apilink;

static class Tests
{
    static readonly string Url = Variable("SANDBOX_URL");
    static readonly string WithToken = Variable("STRING_WITH_TOKEN");
    static readonly string WithLogin = Variable("STRING_WITH_LOGIN");
    static readonly string Folder = Variable("FOLDER");

    // Far more than anything here takes; a test that needs it has failed.
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    static int Main(string[] arguments)
    {
        const BindingFlags flags = BindingFlags.Static | BindingFlags.NonPublic;
        var test = (Action)Delegate.CreateDelegate(typeof(Action), typeof(Tests).GetMethod(arguments[0], flags));
        try
        {
            test();
        }
        catch (Exception error)
        {
            Console.Error.WriteLine(error);
            return 1;
        }
        Console.WriteLine("passed " + arguments[0]);
        return 0;
    }

    // ---- help ------------------------------------------------------------------------------

    static string Variable(string name) => Environment.GetEnvironmentVariable(name) ?? "";

    static void Equal<T>(T expected, T actual)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
            throw new Exception($"expected {expected}, got {actual}");
    }

    static void True(bool condition, string what = "a condition is not met")
    {
        if (!condition)
            throw new Exception(what);
    }

    static T Throws<T>(Action action) where T : Exception
    {
        try
        {
            action();
        }
        catch (T error)
        {
            return error;
        }
        throw new Exception($"{typeof(T).Name} was not thrown");
    }

    static void Fails(string sqlState, Action action) =>
        Equal(sqlState, Throws<ApilinkException>(action).SqlState);

    static Connection Connect(ConnectionOptions options = null, string connectionString = null)
    {
        var connection = new Connection(connectionString ?? WithToken, options);
        connection.Connect();
        return connection;
    }

    /// <summary>A request of another client. Mono's own one aborts some requests whose replies
    /// come very soon.</summary>
    static string Http(string method, string url, string body, string type)
    {
        var address = new Uri(url);
        var content = Encoding.UTF8.GetBytes(body);
        // HTTP/1.0, so that the reply is not chunked and ends with the connection.
        var head = $"{method} {address.PathAndQuery} HTTP/1.0\r\nHost: {address.Authority}\r\n"
            + $"Content-Type: {type}\r\nContent-Length: {content.Length}\r\n\r\n";
        using (var client = new TcpClient(address.Host, address.Port))
        using (var stream = client.GetStream())
        {
            var request = Encoding.ASCII.GetBytes(head).Concat(content).ToArray();
            stream.Write(request, 0, request.Length);
            return new StreamReader(stream).ReadToEnd();
        }
    }

    static string Body(string reply) => reply.Substring(reply.IndexOf("\r\n\r\n") + 4);

    static string Control(string method, string path, string json = "")
    {
        var reply = Http(method, $"{Url}/_sandbox/{path}", json, "application/json");
        True(Regex.IsMatch(reply, "^HTTP/1.[01] 2"), reply);
        return Body(reply);
    }

    static void Fault(string path, string kind, string more = "") =>
        Control("POST", "faults", $"{{\"path\":\"{path}\",\"kind\":\"{kind}\"{more}}}");

    /// <summary>Waits until a request has arrived that will not be answered.</summary>
    static void AwaitStalled() => WaitFor(() => Control("GET", "counters").Contains("GET /api/v4/matters.json"));

    static void WaitFor(Func<bool> condition)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            True(watch.Elapsed < Patience, "it did not happen");
            Thread.Sleep(10);
        }
    }

    static Thread Start(Action action)
    {
        var thread = new Thread(() => action()) { IsBackground = true };
        thread.Start();
        return thread;
    }

    static void Join(Thread thread) => True(thread.Join(Patience), "a thread does not end");

    static List<long> Ids(Response page)
    {
        var ids = new List<long>();
        for (long i = 0; i < page.GetLength("/data"); i++)
            ids.Add(page.GetInt64($"/data/{i}/id").Value);
        return ids;
    }

    static Query Fields(string fields) => new Query { { "fields", fields } };

    static Query AllIds(int limit) => new Query { { "fields", "id" }, { "order", "id(asc)" }, { "limit", limit } };

    // ---- reading ---------------------------------------------------------------------------

    static void AllPagesAreRead()
    {
        using (var clio = Connect())
        {
            foreach (var limit in new[] { 7, 50, 200 })
            {
                var ids = clio.Pages("matters", AllIds(limit)).SelectMany(Ids).ToList();
                Equal(250, ids.Count);
                Equal(250, ids.Distinct().Count());
            }
            using (var page = clio.Get("matters", AllIds(10)))
                Equal(250L, page.GetInt64("/meta/records").Value);
        }
    }

    static void AllRecordsAreRead()
    {
        using (var clio = Connect())
        {
            var query = AllIds(100);
            query[0] = new KeyValuePair<string, string>("fields", "id,client{name}");
            var names = new List<string>();
            var ids = new HashSet<long>();
            foreach (var matter in clio.Records("matters", query))
            {
                ids.Add(matter.GetInt64("/id").Value);
                names.Add(matter.GetString("/client/name"));
                Equal(JsonKind.Object, matter.GetKind("").Value);
                True(matter.ToString().StartsWith("{"));
            }
            Equal(250, ids.Count);
            Equal(250, names.Count(name => name.Length > 0));
            Equal(404, Throws<HttpException>(() => clio.Records("matters/999999999").Count()).Status);
            True(Throws<InvalidOperationException>(() => clio.Records("users/who_am_i").Count())
                .Message.Contains("not a list"));
        }
    }

    static void MoneyIsReadToTheLastDigit()
    {
        using (var clio = Connect())
        {
            var query = new Query { { "fields", "id,total,note,date" }, { "type", "ExpenseEntry" }, { "limit", 200 } };
            using (var page = clio.Get("activities", query).EnsureSuccess())
            {
                var fractions = 0;
                for (long row = 0; row < page.GetLength("/data"); row++)
                {
                    var total = page.GetDecimal($"/data/{row}/total");
                    Equal(page.GetString($"/data/{row}/total"),
                        total?.ToString(System.Globalization.CultureInfo.InvariantCulture));
                    fractions += total != decimal.Truncate(total.Value) ? 1 : 0;
                }
                True(fractions > 0, "no amount has cents");
                Equal(null, page.GetDecimal("/nowhere"));
                Fails("22018", () => page.GetDecimal("/data"));
                Fails("22018", () => page.GetDecimal("/data/0/date"));
            }
        }
    }

    static void PagesAreFetchedWhenTheyAreNeeded()
    {
        using (var clio = Connect())
            foreach (var page in clio.Pages("matters", AllIds(10)))
            {
                Equal(10L, page.GetLength("/data"));
                break;
            }
        var counters = Control("GET", "counters");
        True(Regex.IsMatch(counters, "\"GET /api/v4/matters.json\":\\s*{[^}]*\"requests\":\\s*1[,}\\s]"), counters);
    }

    static void JsonIsReadByPointer()
    {
        using (var clio = Connect())
        using (var page = clio.Get("matters", Fields("id,display_number,client{name},open_date,close_date")))
        {
            Equal(200, page.Status);
            Equal(0, page.Diagnostics.Count);
            True(page.GetString("/data/0/client/name").Length > 0);
            True(page.GetString("/data/0/display_number").StartsWith("0"));
            True(page.GetInt64("/data/0/id") > 0);
            True(page.GetDouble("/data/0/id") > 0);
            Equal(JsonKind.Array, page.GetKind("/data").Value);
            Equal(JsonKind.Object, page.GetKind("/data/0/client").Value);
            Equal(JsonKind.Integer, page.GetKind("/data/0/id").Value);
            Equal(JsonKind.String, page.GetKind("/data/0/display_number").Value);
            Equal(null, page.GetKind("/nowhere"));
            Equal(null, page.GetString("/nowhere"));
            Equal(null, page.GetInt64("/nowhere"));
            Equal(null, page.GetBoolean("/nowhere"));
            Equal(0L, page.GetLength("/nowhere"));
            Fails("22018", () => page.GetBoolean("/data/0/id"));
            Fails("HY024", () => page.GetString("data"));
            True(page.GetText().StartsWith("{\"data\":["));
            True(page.GetString("").Length > 1024);
        }
    }

    static void HeadersHaveNoCase()
    {
        using (var clio = Connect())
        using (var page = clio.Get("matters"))
        {
            True(page.ContentType.StartsWith("application/json"));
            Equal(page.ContentType, page.Header("Content-TYPE"));
            Equal(null, page.Header("absent"));
            Equal(1, page.Headers("content-type").Count);
            Equal(0, page.Headers("absent").Count);
            True(page.Headers().Any(header => header.Key == "x-api-version" && header.Value.StartsWith("4.")));
        }
    }

    static void QueryValuesAreWritten()
    {
        using (var clio = Connect())
        {
            var some = Ids(clio.Get("matters", AllIds(3)));
            var query = Fields("id");
            some.ForEach(id => query.Add("ids[]", id));
            Equal(string.Join(",", some), string.Join(",", Ids(clio.Get("matters", query))));
            var later = Fields("id");
            later.Add("created_since", DateTimeOffset.UtcNow.AddYears(10));
            Equal(0, Ids(clio.Get("matters", later)).Count);
            var utc = new Query { { "created_since", new DateTime(2040, 1, 2, 3, 4, 5, DateTimeKind.Utc) } };
            Equal("2040-01-02T03:04:05+00:00", utc[0].Value);
            var local = new Query { { "created_since", DateTime.Now } };
            Equal(DateTimeOffset.Now.ToString("zzz"), local[0].Value.Substring(local[0].Value.Length - 6));
            Throws<ArgumentException>(() => new Query { { "created_since", new DateTime(2040, 1, 2) } });
        }
    }

    // ---- writing ---------------------------------------------------------------------------

    static void ARecordIsCreatedChangedAndDeleted()
    {
        using (var clio = Connect())
        {
            const string contact = "{\"data\":{\"type\":\"Person\",\"first_name\":\"Zoë\",\"last_name\":\"O'Brien\"}}";
            string path, etag;
            using (var created = clio.Post("contacts", contact, Fields("id,etag,name")))
            {
                Equal(201, created.Status);
                Equal("Zoë O'Brien", created.GetString("/data/name"));
                path = "contacts/" + created.GetString("/data/id");
                etag = created.GetString("/data/etag");
            }
            const string change = "{\"data\":{\"last_name\":\"Müller\"}}";
            using (var changed = clio.Patch(path, change, Fields("name")))
                Equal("Zoë Müller", changed.EnsureSuccess().GetString("/data/name"));
            using (var request = clio.Prepare("PATCH", path).AddHeader("If-Match", etag).SetJson(change))
            using (var stale = request.Execute())
                Equal(412, stale.Status);
            using (var deleted = clio.Delete(path))
            {
                Equal(204, deleted.Status);
                Equal(0, deleted.GetContent().Length);
            }
            using (var gone = clio.Get(path))
                Equal(404, gone.Status);
        }
    }

    static byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        new Random(7).NextBytes(bytes);
        return bytes;
    }

    sealed class Trickle : MemoryStream
    {
        internal Trickle(byte[] bytes) : base(bytes) { }
        public override bool CanSeek => false;
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 1000));
    }

    static void ADocumentIsUploadedAndDownloaded()
    {
        var content = Bytes(300001);
        var file = Path.Combine(Folder, "sent ü.bin");
        File.WriteAllBytes(file, content);
        var ways = new Action<Request>[]
        {
            request => request.SetBody(content, "application/octet-stream"),
            request => request.SetBodyFile(file),
            request => request.SetBody(new MemoryStream(content)),
            request => request.SetBody(new Trickle(content), content.Length),
        };
        foreach (var way in ways)
            using (var clio = Connect())
                UploadAndDownload(clio, way, content);
        True(Regex.IsMatch(Control("GET", "counters"), "\"with_authorization\":\\s*0"));
    }

    static void UploadAndDownload(Connection clio, Action<Request> setBody, byte[] content)
    {
        var matter = Ids(clio.Get("matters", AllIds(1)))[0];
        var announced = clio.Post("documents",
            $"{{\"data\":{{\"name\":\"sent.bin\",\"parent\":{{\"id\":{matter},\"type\":\"Matter\"}}}}}}",
            Fields("id,latest_document_version{uuid,put_url,put_headers}")).EnsureSuccess();
        const string version = "/data/latest_document_version";
        using (var put = clio.PrepareSigned("PUT", announced.GetString(version + "/put_url")))
        {
            for (long i = 0; i < announced.GetLength(version + "/put_headers"); i++)
                put.AddHeader(announced.GetString($"{version}/put_headers/{i}/name"),
                    announced.GetString($"{version}/put_headers/{i}/value"));
            setBody(put);
            put.Execute().EnsureSuccess().Dispose();
        }
        var document = announced.GetString("/data/id");
        clio.Patch("documents/" + document,
            $"{{\"data\":{{\"uuid\":\"{announced.GetString(version + "/uuid")}\",\"fully_uploaded\":true}}}}")
            .EnsureSuccess().Dispose();

        var path = $"documents/{document}/download";
        using (var response = clio.Get(path))
            True(response.EnsureSuccess().GetContent().SequenceEqual(content));
        using (var response = clio.Get(path))
        using (var copy = new MemoryStream())
        {
            response.CopyTo(copy);
            True(copy.ToArray().SequenceEqual(content));
        }
        var saved = Path.Combine(Folder, "got ü.bin");
        using (var response = clio.Get(path))
            Equal((long)content.Length, response.Save(saved));
        True(File.ReadAllBytes(saved).SequenceEqual(content));
    }

    sealed class Broken : MemoryStream
    {
        public override bool CanSeek => false;
        public override int Read(byte[] buffer, int offset, int count) => throw new InvalidDataException("the program's own");
    }

    static void AnExceptionOfAStreamComesOutOfTheRequest()
    {
        using (var clio = Connect())
        {
            using (var request = clio.Prepare("POST", "contacts").SetBody(new Broken(), 10))
                Equal("the program's own", Throws<InvalidDataException>(() => request.Execute()).Message);
            clio.Get("matters").EnsureSuccess();
        }
    }

    // ---- errors ----------------------------------------------------------------------------

    static void ErrorsCarryWhatTheLibrarySays()
    {
        using (var clio = Connect())
        {
            var missing = clio.Get("matters/1");
            Equal(404, missing.Status);
            Equal(404, missing.Diagnostics[0].Native);
            var error = Throws<HttpException>(() => missing.EnsureSuccess());
            Equal(404, error.Status);
            Equal(404, error.Native);
            Equal("01000", error.SqlState);
            True(error.Message.Contains(missing.GetString("/error/message")));
            Throws<HttpException>(() => clio.Pages("matters/1").Count());
            Fails("HY024", () => clio.Get("https://example.com/"));
            Fails("HY024", () => clio.Prepare("BREW", "matters"));
            Fails("28000", () => clio.Refresh());
        }
        Fails("HY024", () => Connect(null, "Profile=Clio;Regon=EU"));
        Fails("28000", () => Connect(null, WithLogin.Replace("GETANDREFRESH", "REFRESH")));
        Fails("08003", () => new Connection(WithToken).Get("matters"));
        using (var connection = Connect(null, "Region=http://127.0.0.1:9;OAuthAccessToken=x"))
            Fails("08001", () => connection.Get("matters"));
    }

    static void SilenceRunsOutOfTime()
    {
        Fault("/api/v4/matters*", "stall", ",\"times\":0");
        using (var clio = Connect(new ConnectionOptions { Timeout = TimeSpan.FromMilliseconds(500) }))
            Fails("HYT00", () => clio.Get("matters"));
        using (var clio = Connect())
        using (var request = clio.Prepare("GET", "matters").SetTimeout(TimeSpan.FromSeconds(1)))
            Fails("HYT00", () => request.Execute());
    }

    static void WhatIsClosedSaysSo()
    {
        var clio = Connect();
        True(clio.IsConnected);
        var page = clio.Get("matters", AllIds(1));
        clio.Disconnect();
        True(!clio.IsConnected);
        clio.Connect();
        clio.Dispose();
        clio.Dispose();
        True(!clio.IsConnected);
        clio.Cancel();
        Equal(1, Ids(page).Count);
        Throws<ObjectDisposedException>(() => clio.Get("matters"));
        Throws<ObjectDisposedException>(() => clio.GetToken());
        page.Dispose();
        page.Dispose();
        Throws<ObjectDisposedException>(() => page.GetText());
    }

    static void WarningsAreKept()
    {
        using (var clio = Connect(null, WithToken + "Timeout=5;Timeout=6;"))
        {
            Equal("01S00", clio.Warnings.Single().SqlState);
            clio.Disconnect();
        }
        using (var clio = Connect())
            Equal(0, clio.Warnings.Count);
    }

    // ---- the token and logging in ----------------------------------------------------------

    static void ALoginInTheBrowserAndNoneTheNextTime()
    {
        string token;
        using (var clio = Connect(null, WithLogin))
        {
            token = clio.GetToken();
            Equal("bearer", clio.TokenType.ToLowerInvariant());
            Equal(null, clio.TokenScope);
            True(clio.TokenExpiry > DateTimeOffset.UtcNow.AddMinutes(1));
            True(clio.TokenExpiry < DateTimeOffset.UtcNow.AddDays(60));
        }
        using (var clio = Connect(null, WithLogin))
        {
            Equal(token, clio.GetToken());
            clio.Refresh();
            True(token != clio.GetToken());
            clio.Get("users/who_am_i").EnsureSuccess().Dispose();
            clio.Revoke();
            True(!clio.IsConnected);
        }
        True(Regex.IsMatch(Control("GET", "counters"), "\"approved\":\\s*1[,}\\s]"));
    }

    /// <summary>Answers the consent page and returns where the browser is sent to.</summary>
    static string Consent(string url, string user = null, string decision = "approve")
    {
        var page = Body(Http("GET", url, "", "text/plain"));
        var form = new StringBuilder("decision=" + decision);
        foreach (Match field in Regex.Matches(page, "type=\"hidden\" name=\"([^\"]*)\" value=\"([^\"]*)\""))
            form.Append('&').Append(field.Groups[1].Value).Append('=')
                .Append(Uri.EscapeDataString(WebUtility.HtmlDecode(field.Groups[2].Value)));
        if (user != null)
            form.Append("&user=").Append(user);
        var reply = Http("POST", Url + "/oauth/authorize", form.ToString(), "application/x-www-form-urlencoded");
        return Regex.Match(reply, "^location: (.*?)\r?$", RegexOptions.Multiline | RegexOptions.IgnoreCase).Groups[1].Value;
    }

    static void AHeadlessLogin()
    {
        using (var login = new Connection(WithLogin))
        {
            Equal(null, login.AuthorizationState);
            var url = login.GetAuthorizationUrl("the application's own");
            Equal("the application's own", login.AuthorizationState);
            Equal(null, login.PkceVerifier);
            var redirected = Consent(url);
            Fails("28000", () => login.Exchange(Regex.Replace(redirected, "state=[^&]*", "state=foreign")));
            login.Exchange(redirected);
            login.Connect();
            login.Get("users/who_am_i").EnsureSuccess().Dispose();
        }
        using (var later = Connect(null, WithLogin.Replace("GETANDREFRESH", "REFRESH")))
            later.Get("users/who_am_i").EnsureSuccess().Dispose();
    }

    static void TwoUsersInOneProcess()
    {
        List<long> users;
        using (var clio = Connect())
            users = Ids(clio.Get("users", new Query { { "fields", "id" }, { "limit", 2 } }));
        var connections = users.Select(user =>
        {
            var connection = new Connection(WithLogin + $"OAuthSettingsLocation=memory://{user};");
            connection.Exchange(Consent(connection.GetAuthorizationUrl(), user.ToString()));
            connection.Connect();
            return connection;
        }).ToList();
        for (var i = 0; i < 2; i++)
            Equal(users[i], connections[i].Get("users/who_am_i", Fields("id")).GetInt64("/data/id").Value);
        True(connections[0].GetToken() != connections[1].GetToken());
    }

    static void ALoginThatWasDeclined()
    {
        using (var login = new Connection(WithLogin))
        {
            var redirected = Consent(login.GetAuthorizationUrl(), null, "decline");
            Equal(1007, Throws<ApilinkException>(() => login.Exchange(redirected)).Native);
        }
    }

    // ---- callbacks -------------------------------------------------------------------------

    static void TheLogGoesToAFunction()
    {
        var lines = new List<string>();
        var levels = new HashSet<int>();
        var options = new ConnectionOptions
        {
            LogLevel = 3,
            Log = (level, line) =>
            {
                lock (lines)
                {
                    lines.Add(line);
                    levels.Add(level);
                }
            },
        };
        using (var clio = Connect(options))
            clio.Get("matters").Dispose();
        Equal("1,2,3", string.Join(",", levels.OrderBy(level => level)));
        True(lines.Any(line => line.Contains("GET /api/v4/matters.json: 200")));
        var secret = Regex.Match(WithToken, "OAuthAccessToken=([^;]*)").Groups[1].Value;
        True(!lines.Any(line => line.Contains(secret)));
    }

    static void ALogFunctionThatFailsOrCallsBackDoesNoHarm()
    {
        Connection clio = null;
        var refused = 0;
        var options = new ConnectionOptions
        {
            Log = (level, line) =>
            {
                Throws<InvalidOperationException>(() => clio.GetToken());
                Throws<InvalidOperationException>(() => new Connection(""));
                Interlocked.Increment(ref refused);
                throw new InvalidDataException("the program's own");
            },
        };
        clio = new Connection(WithToken, options);
        clio.Connect();
        clio.Get("matters").EnsureSuccess().Dispose();
        True(refused > 0);
        clio.GetToken();
    }

    static void TheProgramShowsTheAuthorizationUrl()
    {
        Process browser = null;
        var options = new ConnectionOptions
        {
            Authorize = url =>
            {
                var start = new ProcessStartInfo(Variable("SANDBOX_BROWSER"), $"\"{url}\"") { UseShellExecute = false };
                browser = Process.Start(start);
                return true;
            },
        };
        using (var clio = Connect(options, WithLogin))
            clio.Get("users/who_am_i").EnsureSuccess().Dispose();
        browser.WaitForExit();
        Equal(0, browser.ExitCode);
    }

    static void TheProgramGivesALoginUp()
    {
        Fails("HY008", () => Connect(new ConnectionOptions { Authorize = url => false }, WithLogin));
        var broken = new ConnectionOptions { Authorize = url => throw new InvalidDataException("the program's own") };
        Throws<InvalidDataException>(() => Connect(broken, WithLogin));
        var silent = new ConnectionOptions { Authorize = url => true, LoginTimeout = TimeSpan.FromSeconds(1) };
        Fails("HYT00", () => Connect(silent, WithLogin));
    }

    static void TheUrlOfALoginThatWaitsIsTold()
    {
        string shown = null;
        var options = new ConnectionOptions { Authorize = url => (shown = url) != null };
        using (var clio = new Connection(WithLogin, options))
        {
            var login = Start(() => Fails("HY008", () => clio.Connect()));
            WaitFor(() => Volatile.Read(ref shown) != null);
            string url = null, state = null, own = null;
            var asking = Start(() =>
            {
                url = clio.GetAuthorizationUrl();
                state = clio.AuthorizationState;
                True(clio.PkceVerifier == null);
                own = clio.GetAuthorizationUrl("of-the-program");
            });
            Join(asking);
            True(!login.Join(0), "the login does not wait");
            Equal(shown, url);
            True(shown.Contains("state=" + state));
            True(own.Contains("state=of-the-program"));
            clio.Cancel();
            Join(login);
        }
    }

    // ---- cancelling ------------------------------------------------------------------------

    static void ARequestIsCancelledFromAnotherThread()
    {
        using (var clio = Connect())
            foreach (var way in new Action<Request>[] { one => one.Cancel(), _ => clio.Cancel(), one => one.Dispose() })
            {
                Control("POST", "reset");
                Fault("/api/v4/matters*", "stall");
                var request = clio.Prepare("GET", "matters");
                var watch = new Stopwatch();
                var canceller = Start(() =>
                {
                    AwaitStalled();
                    watch.Start();
                    way(request);
                });
                Fails("HY008", () => request.Execute());
                // 100 ms for the library; the rest is what a busy machine takes.
                True(watch.Elapsed < TimeSpan.FromSeconds(5));
                Join(canceller);
                clio.Get("users/who_am_i").EnsureSuccess().Dispose();
            }
    }

    static void ATokenCancelsARequest()
    {
        Fault("/api/v4/matters*", "stall");
        using (var clio = Connect())
        using (var source = new CancellationTokenSource())
        {
            var canceller = Start(() =>
            {
                AwaitStalled();
                source.Cancel();
            });
            var error = Throws<OperationCanceledException>(() => clio.Get("matters", null, source.Token));
            True(error.CancellationToken == source.Token);
            Equal("HY008", ((ApilinkException)error.InnerException).SqlState);
            Throws<OperationCanceledException>(() => clio.Get("users/who_am_i", null, source.Token));
            Join(canceller);
            clio.Get("matters").EnsureSuccess().Dispose();
        }
    }

    static void ATokenCancelsALogin()
    {
        using (var source = new CancellationTokenSource())
        using (var clio = new Connection(WithLogin, new ConnectionOptions { Authorize = Later(source) }))
        {
            Throws<OperationCanceledException>(() => clio.Connect(source.Token));
            True(!clio.IsConnected);
        }
    }

    static Func<string, bool> Later(CancellationTokenSource source) => url =>
    {
        Start(source.Cancel);
        return true;
    };

    static void ATokenCancelsReading()
    {
        var id = Regex.Match(Control("POST", "documents", "{\"bytes\":1000000}"), "\\d+").Value;
        Fault("/storage/*", "drip", ",\"milliseconds\":2000,\"bytes\":1000");
        using (var clio = Connect())
        using (var source = new CancellationTokenSource())
        using (var response = clio.Get($"documents/{id}/download"))
        {
            var buffer = new byte[65536];
            Equal(1000, response.Read(buffer, source.Token));
            Start(source.Cancel);
            Throws<OperationCanceledException>(() => response.Read(buffer, source.Token));
        }
    }

    // ---- life and death --------------------------------------------------------------------

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Litter(Random chance)
    {
        var kept = new List<IDisposable>();
        for (var i = 0; i < 3; i++)
        {
            var clio = Connect(new ConnectionOptions { Log = (level, line) => kept.GetHashCode(), LogLevel = 5 });
            var request = clio.Prepare("GET", "matters");
            var responses = new[] { request.Execute(), request.Execute() };
            responses[chance.Next(2)].GetContent();
            kept.Add(clio);
            kept.Add(request);
            kept.AddRange(responses);
        }
        foreach (var one in kept.OrderBy(_ => chance.Next()))
            if (chance.Next(10) < 4)
                one.Dispose();
    }

    static void ObjectsAreCollectedInAnyOrder()
    {
        using (var clio = Connect())
        {
            for (var seed = 0; seed < 20; seed++)
            {
                Litter(new Random(seed));
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            clio.Get("matters").EnsureSuccess().Dispose();
        }
    }

    static void CallbacksOutliveTheCollector()
    {
        var lines = 0;
        using (var clio = Connect(new ConnectionOptions { Log = (level, line) => Interlocked.Increment(ref lines), LogLevel = 5 }))
            for (var i = 0; i < 20; i++)
            {
                var before = lines;
                GC.Collect();
                GC.WaitForPendingFinalizers();
                using (var body = new Collecting())
                using (var request = clio.Prepare("POST", "contacts").SetBody(body, body.Length, "application/json"))
                    Equal(201, request.Execute().Status);
                True(lines > before);
            }
    }

    sealed class Collecting : MemoryStream
    {
        internal Collecting() : base(Encoding.ASCII.GetBytes("{\"data\":{\"type\":\"Company\",\"name\":\"X\"}}")) { }
        public override bool CanSeek => false;
        public override int Read(byte[] buffer, int offset, int count)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return base.Read(buffer, offset, 1);
        }
    }

    static readonly List<object> Kept = new List<object>();

    static void TheProgramEndsWithEverythingOpen()
    {
        Fault("/api/v4/matters*", "stall");
        var options = new ConnectionOptions { Log = (level, line) => Kept.GetHashCode(), LogLevel = 5, Timeout = TimeSpan.Zero };
        var clio = Connect(options);
        Kept.Add(clio);
        Kept.Add(clio.Get("users/who_am_i"));
        Start(() => Fails("HY008", () => clio.Get("matters")));
        AwaitStalled();
    }

    static void SixteenThreadsShareAConnection()
    {
        using (var clio = Connect())
        {
            var ids = clio.Pages("matters", AllIds(200)).SelectMany(Ids).ToList();
            var failures = new List<Exception>();
            var threads = Enumerable.Range(0, 16).Select(number => Start(() =>
            {
                try
                {
                    for (var i = number; i < ids.Count; i += 16)
                    {
                        using (var one = clio.Get("matters/" + ids[i], Fields("id")))
                            Equal(ids[i], one.EnsureSuccess().GetInt64("/data/id").Value);
                        using (var none = clio.Get("matters/1"))
                            Equal(404, none.Diagnostics[0].Native);
                        True(clio.GetToken().Length > 0 && clio.IsConnected);
                    }
                }
                catch (Exception error)
                {
                    lock (failures)
                        failures.Add(error);
                }
            })).ToList();
            threads.ForEach(Join);
            if (failures.Count > 0)
                throw failures[0];
        }
    }

    // ---- finding the library ---------------------------------------------------------------

    static void PrintLibrary() => Console.WriteLine(Library.Load(Variable("LOAD") == "" ? null : Variable("LOAD")));

    static void PrintProblem() => Console.WriteLine(Throws<DllNotFoundException>(PrintLibrary).Message);

    static void ASecondLibraryIsRefused()
    {
        var path = Library.Load();
        Equal(path, Library.Load(path));
        Equal(path, Library.Load(Path.GetDirectoryName(path)));
        Equal("0.1.0", Library.Version);
        True(Throws<DllNotFoundException>(() => Library.Load("/other.so")).Message.Contains(path));
    }
}
