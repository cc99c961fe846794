using System;
using System.Collections.Generic;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace Apilink
{
    /// <summary>What a connection can be told before it connects.</summary>
    public sealed class ConnectionOptions
    {
        /// <summary>How long connecting, and silence on the wire, may last; zero for no limit. In
        /// place of the property Timeout.</summary>
        public TimeSpan? Timeout { get; set; }

        /// <summary>How long a login in the browser may take. In place of the property
        /// LoginTimeout.</summary>
        public TimeSpan? LoginTimeout { get; set; }

        /// <summary>Receives a level (1 to 5) and a line of the log. It is called on any thread,
        /// on several at once, and may call nothing of apilink but Cancel(). What it throws is
        /// written to System.Diagnostics.Trace.</summary>
        public Action<int, string> Log { get; set; }

        /// <summary>How much is logged, 1 to 5, as the property Verbosity.</summary>
        public int LogLevel { get; set; } = 2;

        /// <summary>Shows the URL at which a person logs in, in place of the system's browser. It
        /// must return at once: true to wait for the login, false to give it up. It may call
        /// nothing of apilink but Cancel().</summary>
        public Func<string, bool> Authorize { get; set; }
    }

    /// <summary>
    /// A connection to a service. All methods may be called from any thread: requests run side by
    /// side, calls on the connection itself one at a time, except that GetAuthorizationUrl and what
    /// belongs to it answer while Connect waits.
    /// </summary>
    public sealed class Connection : IDisposable
    {
        readonly string connectionString;
        readonly Native native = Library.Native;
        readonly Handle handle;
        readonly Authorizer authorizer;
        readonly object gate = new object();
        volatile bool isConnecting;
        // The library may call these as long as there are requests and responses, and those hold
        // on to the connection.
        readonly List<Callbacks.Registration> registrations = new List<Callbacks.Registration>();

        /// <summary>Prepares a connection; nothing is opened yet.</summary>
        /// <param name="connectionString">See docs/connection-string.md.</param>
        /// <param name="options">What else to say.</param>
        public Connection(string connectionString, ConnectionOptions options = null)
        {
            Callbacks.ForbidWithin();
            this.connectionString =
                connectionString ?? throw new ArgumentNullException(nameof(connectionString));
            if (native.ConnectionNew(out var token) != Native.Success)
                throw new OutOfMemoryException("libapilink has no room for another connection.");
            handle = Handle.OfConnection(native, token);
            options = options ?? new ConnectionOptions();
            if (options.Timeout is TimeSpan timeout)
                handle.Check(native.ConnectionSetTimeout(handle, Seconds(timeout)));
            if (options.LoginTimeout is TimeSpan login)
                handle.Check(native.ConnectionSetLoginTimeout(handle, Seconds(login)));
            if (options.Log != null)
                handle.Check(native.ConnectionSetLogCallback(
                    handle, options.LogLevel, Callbacks.Log, Register(options.Log)));
            if (options.Authorize != null)
            {
                authorizer = new Authorizer(options.Authorize);
                handle.Check(native.ConnectionSetAuthorizeCallback(
                    handle, Callbacks.Authorize, Register(authorizer)));
            }
        }

        IntPtr Register(object target)
        {
            var registration = new Callbacks.Registration(target);
            registrations.Add(registration);
            return registration.UserData;
        }

        internal Native Native => native;

        /// <summary>What connecting, or the last token call, had to warn about.</summary>
        public IReadOnlyList<DiagnosticRecord> Warnings { get; private set; } = new DiagnosticRecord[0];

        // ---- connecting --------------------------------------------------------------------

        /// <summary>Connects. With a usable token, given or stored, there is no network traffic;
        /// with InitiateOAuth=GETANDREFRESH and none, a person is asked to log in, and this waits.
        /// </summary>
        /// <exception cref="ApilinkException">HY024, 28000, 08001, 08S01, HYT00, HY008, HY000,
        /// 08002 (connected already).</exception>
        /// <exception cref="OperationCanceledException">cancellation was cancelled.</exception>
        public void Connect(CancellationToken cancellation = default(CancellationToken))
        {
            try
            {
                Wait(cancellation, ConnectWithin);
            }
            catch (ApilinkException) when (authorizer?.Error != null)
            {
                ExceptionDispatchInfo.Capture(authorizer.Error).Throw();
            }
        }

        int ConnectWithin()
        {
            var text = new Text(connectionString);
            isConnecting = true;
            try
            {
                return native.ConnectionConnect(handle, text.Bytes, text.Length);
            }
            finally
            {
                isConnecting = false;
            }
        }

        /// <summary>Whether it is connected; false when it was disposed of.</summary>
        public bool IsConnected
        {
            get
            {
                Callbacks.ForbidWithin();
                var connected = 0;
                handle.TryCall(one => native.ConnectionIsConnected(one, out connected));
                return connected != 0;
            }
        }

        /// <summary>Ends the connection and cancels what runs on it; Connect connects it again.
        /// The token stays where it is stored.</summary>
        public void Disconnect() => Exclusive(() => handle.Check(native.ConnectionDisconnect(handle)));

        /// <summary>Cancels everything that runs on the connection now, from any thread. Those
        /// calls throw an ApilinkException with HY008; later ones are not affected.</summary>
        public void Cancel() => handle.TryCall(native.ConnectionCancel.Invoke);

        /// <summary>Ends the connection for good, and cancels what runs on it.</summary>
        public void Dispose()
        {
            Cancel();
            handle.Dispose();
        }

        // ---- the token ---------------------------------------------------------------------

        /// <summary>The access token, for use outside of apilink; one that has expired is
        /// refreshed first. Null with AuthScheme=None.</summary>
        public string GetToken(CancellationToken cancellation = default(CancellationToken)) =>
            Canceller.Run(cancellation, Cancel, () => Exclusive(() => handle.ReadText(
                (byte[] buffer, out long length) =>
                    native.TokenText(handle, buffer, buffer.Length, out length), 4096)));

        /// <summary>The type of the current access token, usually "Bearer".</summary>
        public string TokenType => Exclusive(() => handle.ReadText((byte[] buffer, out long length) =>
            native.TokenType(handle, buffer, buffer.Length, out length)));

        /// <summary>The scope of the current access token, as the service sent it.</summary>
        public string TokenScope => Exclusive(() => handle.ReadText((byte[] buffer, out long length) =>
            native.TokenScope(handle, buffer, buffer.Length, out length)));

        /// <summary>When the current access token expires; null when the service did not say.
        /// </summary>
        public DateTimeOffset? TokenExpiry => Exclusive(() =>
        {
            var code = handle.Check(native.TokenExpiry(handle, out var seconds));
            return code == Native.NoData
                ? (DateTimeOffset?)null
                : DateTimeOffset.FromUnixTimeSeconds(seconds);
        });

        /// <summary>Refreshes the access token now, whatever its age, and stores the new one.
        /// </summary>
        public void Refresh(CancellationToken cancellation = default(CancellationToken)) =>
            Wait(cancellation, () => native.TokenRefresh(handle));

        /// <summary>Revokes the access token at the service, removes the tokens from their store,
        /// and disconnects.</summary>
        public void Revoke(CancellationToken cancellation = default(CancellationToken)) =>
            Wait(cancellation, () => native.TokenRevoke(handle));

        // ---- logins on another machine -----------------------------------------------------

        /// <summary>The URL at which a person authorizes the application, for a login elsewhere.
        /// While Connect waits for a login on another thread, and without a state, it is the URL
        /// that it waits for.</summary>
        /// <param name="state">The application's own value; without it, the property State or a
        /// random one.</param>
        public string GetAuthorizationUrl(string state = null)
        {
            var text = new Text(connectionString);
            var own = new Text(state);
            // Large enough for every URL: asking again would make another state.
            return Beside(() => handle.ReadText((byte[] buffer, out long length) =>
                native.AuthorizationUrl(handle, text.Bytes, text.Length, own.Bytes, own.Length, buffer,
                    buffer.Length, out length), 65536));
        }

        /// <summary>The state of the last GetAuthorizationUrl, to be compared with that of the
        /// redirect.</summary>
        public string AuthorizationState => Beside(() => handle.ReadText(
            (byte[] buffer, out long length) =>
                native.AuthorizationState(handle, buffer, buffer.Length, out length)));

        /// <summary>The PKCE verifier of the last GetAuthorizationUrl, to be given as PKCEVerifier
        /// where another process exchanges the code. Null where the service does not use PKCE.
        /// </summary>
        public string PkceVerifier => Beside(() => handle.ReadText(
            (byte[] buffer, out long length) =>
                native.AuthorizationPkceVerifier(handle, buffer, buffer.Length, out length)));

        /// <summary>Exchanges an authorization code for tokens and stores them; then Connect.
        /// </summary>
        /// <param name="code">The code, or the whole URL that the browser was redirected to.</param>
        /// <param name="cancellation">Cancels the call.</param>
        public void Exchange(string code, CancellationToken cancellation = default(CancellationToken))
        {
            var text = new Text(connectionString);
            var given = new Text(code ?? throw new ArgumentNullException(nameof(code)));
            Wait(cancellation, () => native.AuthorizationExchange(
                handle, text.Bytes, text.Length, given.Bytes, given.Length));
        }

        // ---- requests ----------------------------------------------------------------------

        /// <summary>Prepares a request.</summary>
        /// <param name="method">GET, POST, PATCH, PUT, DELETE, HEAD or OPTIONS.</param>
        /// <param name="path">Below the API's base, such as "matters/17"; or an absolute path or
        /// URL of the same service.</param>
        public Request Prepare(string method, string path) => NewRequest().Prepare(method, path, false);

        /// <summary>Prepares a request to a URL that the service handed out for one purpose, such
        /// as put_url of a document version. The token is not sent there.</summary>
        public Request PrepareSigned(string method, string url) => NewRequest().Prepare(method, url, true);

        Request NewRequest() => Exclusive(() =>
        {
            handle.Check(native.RequestNew(handle, out var token));
            return new Request(this, Handle.OfRequest(native, token));
        });

        /// <summary>Reads. A status of 400 or more is a response too: see
        /// <see cref="Response.EnsureSuccess"/>.</summary>
        public Response Get(string path, Query query = null,
            CancellationToken cancellation = default(CancellationToken)) =>
            Send("GET", path, null, query, cancellation);

        /// <summary>Creates, with a JSON body.</summary>
        public Response Post(string path, string json, Query query = null,
            CancellationToken cancellation = default(CancellationToken)) =>
            Send("POST", path, json, query, cancellation);

        /// <summary>Changes, with a JSON body.</summary>
        public Response Patch(string path, string json, Query query = null,
            CancellationToken cancellation = default(CancellationToken)) =>
            Send("PATCH", path, json, query, cancellation);

        /// <summary>Replaces, with a JSON body.</summary>
        public Response Put(string path, string json, Query query = null,
            CancellationToken cancellation = default(CancellationToken)) =>
            Send("PUT", path, json, query, cancellation);

        /// <summary>Deletes.</summary>
        public Response Delete(string path, Query query = null,
            CancellationToken cancellation = default(CancellationToken)) =>
            Send("DELETE", path, null, query, cancellation);

        Response Send(string method, string path, string json, Query query, CancellationToken cancellation)
        {
            var request = Prepare(method, path);
            try
            {
                request.AddQuery(query);
                if (json != null)
                    request.SetJson(json);
                return request.Execute(cancellation).Owning(request);
            }
            catch
            {
                request.Dispose();
                throw;
            }
        }

        /// <summary>The pages of a list, fetched one by one while they are enumerated. Each is
        /// disposed of when the next one is fetched.</summary>
        /// <exception cref="HttpException">A page has a status of 400 or more.</exception>
        public IEnumerable<Response> Pages(string path, Query query = null,
            CancellationToken cancellation = default(CancellationToken))
        {
            using (var request = Prepare("GET", path).AddQuery(query))
            {
                var page = request.Execute(cancellation);
                try
                {
                    while (page != null)
                    {
                        yield return page.EnsureSuccess();
                        var next = request.NextPage(page, cancellation);
                        page.Dispose();
                        page = next;
                    }
                }
                finally
                {
                    page?.Dispose();
                }
            }
        }

        /// <summary>The records of a list, over all its pages, which are fetched one by one while
        /// they are enumerated. A record can be read until the enumeration leaves its page.
        /// </summary>
        /// <exception cref="HttpException">A page has a status of 400 or more.</exception>
        /// <exception cref="InvalidOperationException">The reply is not a list.</exception>
        public IEnumerable<Record> Records(string path, Query query = null,
            CancellationToken cancellation = default(CancellationToken))
        {
            foreach (var page in Pages(path, query, cancellation))
            {
                if (page.GetKind("/data") != JsonKind.Array)
                    throw new InvalidOperationException(
                        $"{path} is not a list: its reply has no array \"data\".");
                var count = page.GetLength("/data");
                for (long index = 0; index < count; index++)
                    yield return new Record(page, $"/data/{index}");
            }
        }

        // ---- the ways to make a call -------------------------------------------------------

        /// <summary>A call whose diagnostic records no other thread replaces before they are read.
        /// </summary>
        T Exclusive<T>(Func<T> call)
        {
            Callbacks.ForbidWithin();
            lock (gate)
                return call();
        }

        /// <summary>A call that does not wait for Connect, and for others as Exclusive.</summary>
        T Beside<T>(Func<T> call)
        {
            Callbacks.ForbidWithin();
            // How often it looks whether the call that it waits for is Connect, in milliseconds.
            const int tick = 50;
            while (!isConnecting)
            {
                if (!Monitor.TryEnter(gate, tick))
                    continue;
                try
                {
                    return call();
                }
                finally
                {
                    Monitor.Exit(gate);
                }
            }
            return call();
        }

        void Wait(CancellationToken cancellation, Func<int> call) =>
            Warnings = Canceller.Run(cancellation, Cancel, () => Exclusive(() =>
                handle.Check(call()) == Native.SuccessWithInfo ? handle.Records() : new DiagnosticRecord[0]));

        internal static long Seconds(TimeSpan time) => (long)Math.Ceiling(time.TotalSeconds);
    }
}
