using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace Apilink
{
    /// <summary>Parameters of a query: <c>new Query { { "fields", "id" }, { "limit", 50 } }</c>.
    /// Names may repeat.</summary>
    public sealed class Query : List<KeyValuePair<string, string>>
    {
        /// <summary>Adds a text.</summary>
        public void Add(string name, string value) => Add(new KeyValuePair<string, string>(name, value));

        /// <summary>Adds a number.</summary>
        public void Add(string name, long value) => Add(name, value.ToString(CultureInfo.InvariantCulture));

        /// <summary>Adds a truth value, as true or false.</summary>
        public void Add(string name, bool value) => Add(name, value ? "true" : "false");

        /// <summary>Adds a time with its offset from UTC.</summary>
        public void Add(string name, DateTimeOffset value) =>
            Add(name, value.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", CultureInfo.InvariantCulture));

        /// <summary>Adds a time in UTC, or a local time with its offset from UTC.</summary>
        /// <exception cref="ArgumentException">The time does not say which of the two it is
        /// (DateTimeKind.Unspecified).</exception>
        public void Add(string name, DateTime value)
        {
            if (value.Kind == DateTimeKind.Unspecified)
                throw new ArgumentException(
                    $"The time for {name} has no time zone. Give a DateTimeOffset, or a DateTime of kind Utc or Local.",
                    nameof(value));
            Add(name, new DateTimeOffset(value));
        }
    }

    /// <summary>A request that was prepared with Connection.Prepare. It runs one call at a time.
    /// </summary>
    public sealed class Request : IDisposable
    {
        readonly Connection connection;
        readonly Native native;
        readonly Handle handle;
        StreamBody body;
        Callbacks.Registration registration;

        internal Request(Connection connection, Handle handle)
        {
            this.connection = connection;
            this.handle = handle;
            native = connection.Native;
        }

        internal Request Prepare(string method, string path, bool isSigned)
        {
            var verb = new Text(method ?? throw new ArgumentNullException(nameof(method)));
            var url = new Text(path ?? throw new ArgumentNullException(nameof(path)));
            handle.Check(isSigned
                ? native.RequestPrepareSigned(handle, verb.Bytes, verb.Length, url.Bytes, url.Length)
                : native.RequestPrepare(handle, verb.Bytes, verb.Length, url.Bytes, url.Length));
            return this;
        }

        /// <summary>Adds a query parameter. Names may repeat.</summary>
        public Request AddQuery(string name, string value)
        {
            var key = new Text(name);
            var text = new Text(value);
            return With(native.RequestAddQuery(handle, key.Bytes, key.Length, text.Bytes, text.Length));
        }

        /// <summary>Adds query parameters.</summary>
        public Request AddQuery(Query query)
        {
            if (query != null)
                foreach (var parameter in query)
                    AddQuery(parameter.Key, parameter.Value);
            return this;
        }

        /// <summary>Adds a header. Names may repeat.</summary>
        public Request AddHeader(string name, string value)
        {
            var key = new Text(name);
            var text = new Text(value);
            return With(native.RequestAddHeader(handle, key.Bytes, key.Length, text.Bytes, text.Length));
        }

        /// <summary>Sets a JSON body.</summary>
        public Request SetJson(string json) =>
            SetBody(new Text(json ?? throw new ArgumentNullException(nameof(json))).Bytes, "application/json");

        /// <summary>Sets a body from memory.</summary>
        /// <param name="data">The bytes. They are copied.</param>
        /// <param name="contentType">Null for the header Content-Type that was added, or else
        /// application/json.</param>
        public Request SetBody(byte[] data, string contentType = null)
        {
            var kind = new Text(contentType);
            var length = (data ?? throw new ArgumentNullException(nameof(data))).Length;
            return With(native.RequestSetBody(handle, data, length, kind.Bytes, kind.Length));
        }

        /// <summary>Sets a body from a file, which is read while it is sent.</summary>
        /// <param name="path">The file. It is opened when the request is executed.</param>
        /// <param name="contentType">Null for the header Content-Type that was added, or else
        /// application/octet-stream.</param>
        public Request SetBodyFile(string path, string contentType = null)
        {
            var file = new Text(path ?? throw new ArgumentNullException(nameof(path)));
            var kind = new Text(contentType);
            return With(native.RequestSetBodyFile(handle, file.Bytes, file.Length, kind.Bytes, kind.Length));
        }

        /// <summary>Sets a body from a stream, which is read once, while it is sent.</summary>
        /// <param name="stream">The stream. It stays open.</param>
        /// <param name="length">The number of bytes; null for the rest of a stream that can seek,
        /// and unknown for others.</param>
        /// <param name="contentType">Null for the header Content-Type that was added, or else
        /// application/octet-stream.</param>
        public Request SetBody(Stream stream, long? length = null, string contentType = null)
        {
            body = new StreamBody(stream ?? throw new ArgumentNullException(nameof(stream)));
            registration = new Callbacks.Registration(body);
            var total = length ?? (stream.CanSeek ? stream.Length - stream.Position : -1);
            var kind = new Text(contentType);
            return With(native.RequestSetBodyCallback(
                handle, Callbacks.Read, registration.UserData, total, kind.Bytes, kind.Length));
        }

        /// <summary>Sets how long connecting, and silence on the wire, may last, in place of the
        /// connection's; zero for no limit.</summary>
        public Request SetTimeout(TimeSpan timeout) =>
            With(native.RequestSetTimeout(handle, Connection.Seconds(timeout)));

        Request With(int code)
        {
            handle.Check(code);
            return this;
        }

        /// <summary>Sends the request and waits for the reply. It can be executed again, unless
        /// its body came from a stream. A status of 400 or more is a response too: see
        /// <see cref="Response.EnsureSuccess"/>.</summary>
        /// <exception cref="ApilinkException">There is no reply: 08003, 08001, 08S01, HYT00,
        /// HY008, 28000, HY024, HY010, 25006, HY000.</exception>
        /// <exception cref="OperationCanceledException">cancellation was cancelled.</exception>
        public Response Execute(CancellationToken cancellation = default(CancellationToken)) =>
            Fetch(cancellation, (out IntPtr token) => native.RequestExecute(handle, out token));

        /// <summary>The page of a list that follows another one, or null after the last.</summary>
        public Response NextPage(Response page, CancellationToken cancellation = default(CancellationToken)) =>
            Fetch(cancellation,
                (out IntPtr token) => native.RequestNextPage(handle, page.Handle, out token));

        delegate int ResponseFunction(out IntPtr token);

        Response Fetch(CancellationToken cancellation, ResponseFunction function)
        {
            try
            {
                return Canceller.Run(cancellation, Cancel, () =>
                {
                    var code = handle.Check(function(out var token));
                    if (code == Native.NoData)
                        return null;
                    var response = Handle.OfResponse(native, token);
                    var records = code == Native.SuccessWithInfo ? handle.Records() : new DiagnosticRecord[0];
                    return new Response(this, response, records);
                });
            }
            catch (ApilinkException) when (body?.Error != null)
            {
                ExceptionDispatchInfo.Capture(body.Error).Throw();
                throw;
            }
            finally
            {
                // The library calls back as long as the call runs.
                GC.KeepAlive(registration);
                GC.KeepAlive(connection);
            }
        }

        /// <summary>Cancels what runs on the request now, the reading of its responses included,
        /// from any thread. That call throws an ApilinkException with HY008.</summary>
        public void Cancel() => handle.TryCall(native.RequestCancel.Invoke);

        /// <summary>Ends the request, and cancels what runs on it. Its responses stay.</summary>
        public void Dispose()
        {
            Cancel();
            handle.Dispose();
        }
    }
}
