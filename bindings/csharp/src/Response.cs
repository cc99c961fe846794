using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

namespace Apilink
{
    /// <summary>What a JSON Pointer leads to.</summary>
    public enum JsonKind
    {
        /// <summary>null.</summary>
        Null = 0,
        /// <summary>true or false.</summary>
        Boolean = 1,
        /// <summary>A number without fraction and exponent that fits into 64 bits.</summary>
        Integer = 2,
        /// <summary>Any other number.</summary>
        Double = 3,
        /// <summary>A string.</summary>
        String = 4,
        /// <summary>An array.</summary>
        Array = 5,
        /// <summary>An object.</summary>
        Object = 6,
    }

    /// <summary>
    /// A reply. Its body is read whole (Content, Text, the JSON methods), in pieces (Read, CopyTo)
    /// or into a file (Save). One call at a time.
    /// </summary>
    public sealed class Response : IDisposable
    {
        readonly Native native;
        // Also keeps the request, and with it the connection.
        readonly Action cancel;
        Request owned;
        internal readonly Handle Handle;

        internal Response(Request request, Handle handle, IReadOnlyList<DiagnosticRecord> diagnostics)
        {
            Handle = handle;
            native = handle.Native;
            cancel = request.Cancel;
            Diagnostics = diagnostics;
            handle.Check(native.ResponseStatus(handle, out var status));
            Status = status;
        }

        /// <summary>Disposes of the request together with the response.</summary>
        internal Response Owning(Request request)
        {
            owned = request;
            return this;
        }

        /// <summary>The HTTP status.</summary>
        public int Status { get; }

        /// <summary>Records of the call. Where the status is 400 or more, the first one holds the
        /// service's own error type and message; others are warnings.</summary>
        public IReadOnlyList<DiagnosticRecord> Diagnostics { get; }

        /// <summary>Returns the response if its status is below 400.</summary>
        /// <exception cref="HttpException">The status is 400 or more.</exception>
        public Response EnsureSuccess()
        {
            if (Status < 400)
                return this;
            throw new HttpException(
                Diagnostics.Count > 0
                    ? Diagnostics
                    : new[] { new DiagnosticRecord("HY000", Status, $"HTTP {Status}") },
                Status);
        }

        // ---- headers -----------------------------------------------------------------------

        /// <summary>The first header of a name, without regard to case, or null.</summary>
        public string Header(string name) => Header(name, 0);

        /// <summary>All headers of a name, in the order in which they were sent.</summary>
        public IReadOnlyList<string> Headers(string name)
        {
            var values = new List<string>();
            for (var value = Header(name, 0); value != null; value = Header(name, values.Count))
                values.Add(value);
            return values;
        }

        string Header(string name, int index)
        {
            var key = new Text(name ?? throw new ArgumentNullException(nameof(name)));
            return Handle.ReadText((byte[] buffer, out long length) => native.ResponseHeader(
                Handle, key.Bytes, key.Length, index, buffer, buffer.Length, out length));
        }

        /// <summary>All headers; repeated ones follow each other.</summary>
        public IReadOnlyList<KeyValuePair<string, string>> Headers()
        {
            Handle.Check(native.ResponseHeaderCount(Handle, out var count));
            return Enumerable.Range(0, count).Select(HeaderAt).ToList();
        }

        KeyValuePair<string, string> HeaderAt(int index)
        {
            var name = Handle.ReadText((byte[] buffer, out long length) => native.ResponseHeaderAt(
                Handle, index, buffer, buffer.Length, out length, null, 0, out _));
            var value = Handle.ReadText((byte[] buffer, out long length) => native.ResponseHeaderAt(
                Handle, index, null, 0, out _, buffer, buffer.Length, out length));
            return new KeyValuePair<string, string>(name, value);
        }

        /// <summary>The content type as sent, or null.</summary>
        public string ContentType => Header("content-type");

        // ---- the body ----------------------------------------------------------------------

        /// <summary>The whole body.</summary>
        public byte[] GetContent(CancellationToken cancellation = default(CancellationToken)) =>
            Canceller.Run(cancellation, cancel, () =>
            {
                // What the pointer leads to lives as long as the handle.
                var isHeld = false;
                try
                {
                    Handle.DangerousAddRef(ref isHeld);
                    Handle.Check(native.ResponseBody(Handle, out var data, out var length));
                    var content = new byte[length];
                    Marshal.Copy(data, content, 0, content.Length);
                    return content;
                }
                finally
                {
                    if (isHeld)
                        Handle.DangerousRelease();
                }
            });

        /// <summary>The whole body as UTF-8 text.</summary>
        public string GetText(CancellationToken cancellation = default(CancellationToken)) =>
            Encoding.UTF8.GetString(GetContent(cancellation));

        /// <summary>Reads the next piece of the body; 0 at the end.</summary>
        public int Read(byte[] buffer, CancellationToken cancellation = default(CancellationToken)) =>
            Canceller.Run(cancellation, cancel, () =>
            {
                var code = Handle.Check(native.ResponseRead(Handle, buffer, buffer.Length, out var count));
                return code == Native.NoData ? 0 : (int)count;
            });

        /// <summary>Copies the rest of the body to a stream, without holding all of it.</summary>
        public void CopyTo(Stream stream, CancellationToken cancellation = default(CancellationToken))
        {
            var buffer = new byte[65536];
            for (var count = Read(buffer, cancellation); count > 0; count = Read(buffer, cancellation))
                stream.Write(buffer, 0, count);
        }

        /// <summary>Writes the rest of the body to a file and returns the number of bytes. The
        /// file appears under its name only when it is complete; an existing one is replaced then.
        /// </summary>
        public long Save(string path, CancellationToken cancellation = default(CancellationToken))
        {
            var file = new Text(path ?? throw new ArgumentNullException(nameof(path)));
            return Canceller.Run(cancellation, cancel, () =>
            {
                Handle.Check(native.ResponseSave(Handle, file.Bytes, file.Length, out var written));
                return written;
            });
        }

        // ---- JSON --------------------------------------------------------------------------

        /// <summary>What a JSON Pointer (RFC 6901) such as "/data/0/client/name" leads to; null
        /// if it leads nowhere.</summary>
        public JsonKind? GetKind(string pointer)
        {
            var at = new Text(pointer);
            return Get(native.ResponseJsonType(Handle, at.Bytes, at.Length, out var kind), (JsonKind)kind);
        }

        /// <summary>A value as text: a string as it is, everything else as JSON. Null if the
        /// pointer leads nowhere or to null.</summary>
        public string GetString(string pointer)
        {
            var at = new Text(pointer);
            return Handle.ReadText((byte[] buffer, out long length) => native.ResponseJsonText(
                Handle, at.Bytes, at.Length, buffer, buffer.Length, out length));
        }

        /// <summary>An integer, also one that is sent as a string. Null if the pointer leads
        /// nowhere or to null.</summary>
        /// <exception cref="ApilinkException">22018: it is something else; 22003: it does not fit.
        /// </exception>
        public long? GetInt64(string pointer)
        {
            var at = new Text(pointer);
            return Get(native.ResponseJsonInteger(Handle, at.Bytes, at.Length, out var value), value);
        }

        /// <summary>A number, also one that is sent as a string. Null if the pointer leads nowhere
        /// or to null.</summary>
        /// <exception cref="ApilinkException">22018: it is something else; 22003: it does not fit.
        /// </exception>
        public double? GetDouble(string pointer)
        {
            var at = new Text(pointer);
            return Get(native.ResponseJsonDouble(Handle, at.Bytes, at.Length, out var value), value);
        }

        /// <summary>A number, such as an amount of money, also one that is sent as a string. A
        /// number is exact to 15 digits, a string to all that a decimal has. Null if the pointer
        /// leads nowhere or to null.</summary>
        /// <exception cref="ApilinkException">22018: it is something else; 22003: it does not fit.
        /// </exception>
        public decimal? GetDecimal(string pointer)
        {
            var kind = GetKind(pointer);
            if (kind == null || kind == JsonKind.Null)
                return null;
            var isNumber = kind == JsonKind.Integer || kind == JsonKind.Double || kind == JsonKind.String;
            var text = isNumber ? GetString(pointer) : "";
            try
            {
                return decimal.Parse(text, NumberStyles.Float & ~Blanks, CultureInfo.InvariantCulture);
            }
            catch (FormatException)
            {
                throw new ApilinkException("22018", "The value is not a number. Ask GetKind for its type.");
            }
            catch (OverflowException)
            {
                throw new ApilinkException("22003", "The number does not fit into a decimal. Read it as text.");
            }
        }

        const NumberStyles Blanks = NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite;

        /// <summary>A truth value. Null if the pointer leads nowhere or to null.</summary>
        /// <exception cref="ApilinkException">22018: it is something else.</exception>
        public bool? GetBoolean(string pointer)
        {
            var at = new Text(pointer);
            return Get(native.ResponseJsonBoolean(Handle, at.Bytes, at.Length, out var value), value != 0);
        }

        /// <summary>The number of elements of an array, or of members of an object; 0 if the
        /// pointer leads nowhere or to null.</summary>
        /// <exception cref="ApilinkException">22018: it is something else.</exception>
        public long GetLength(string pointer)
        {
            var at = new Text(pointer);
            return Get(native.ResponseJsonLength(Handle, at.Bytes, at.Length, out var value), value) ?? 0;
        }

        T? Get<T>(int code, T value) where T : struct =>
            Handle.Check(code) == Native.NoData ? (T?)null : value;

        /// <summary>Ends the response, and the transfer if the body has not been read to its end.
        /// </summary>
        public void Dispose()
        {
            Handle.Dispose();
            owned?.Dispose();
        }
    }
}
