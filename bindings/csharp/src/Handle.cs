using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

namespace Apilink
{
    /// <summary>
    /// A handle of the library, freed once: when it is disposed of, or by the finalizer, in any
    /// order with others. What a call uses is freed after that call.
    /// </summary>
    sealed class Handle : SafeHandle
    {
        // The connections that are open. Mono waits at the end of a program for calls that run.
        static readonly ConcurrentDictionary<IntPtr, WeakReference<Handle>> Connections = CancelledAtExit();

        internal readonly Native Native;
        readonly Func<IntPtr, int> free;

        Handle(Native native, IntPtr token, Func<IntPtr, int> free)
            : base(IntPtr.Zero, true)
        {
            Native = native;
            this.free = free;
            SetHandle(token);
        }

        internal static Handle OfConnection(Native native, IntPtr token)
        {
            var connection = new Handle(native, token, one =>
            {
                Connections.TryRemove(one, out _);
                return native.ConnectionFree(one);
            });
            Connections[token] = new WeakReference<Handle>(connection);
            return connection;
        }

        internal static Handle OfRequest(Native native, IntPtr token) =>
            new Handle(native, token, new Func<IntPtr, int>(native.RequestFree.Invoke));

        internal static Handle OfResponse(Native native, IntPtr token) =>
            new Handle(native, token, new Func<IntPtr, int>(native.ResponseFree.Invoke));

        static ConcurrentDictionary<IntPtr, WeakReference<Handle>> CancelledAtExit()
        {
            var connections = new ConcurrentDictionary<IntPtr, WeakReference<Handle>>();
            AppDomain.CurrentDomain.ProcessExit += (sender, arguments) =>
            {
                foreach (var reference in connections.Values)
                    if (reference.TryGetTarget(out var connection))
                        connection.TryCall(connection.Native.ConnectionCancel.Invoke);
            };
            return connections;
        }

        /// <summary>Calls a function that may come too late without harm.</summary>
        internal void TryCall(Func<SafeHandle, int> function)
        {
            try
            {
                if (!IsClosed)
                    function(this);
            }
            catch (ObjectDisposedException)
            {
            }
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        protected override bool ReleaseHandle() => free(handle) == Native.Success;

        /// <summary>Returns a code of a function, unless it is an error.</summary>
        internal int Check(int code)
        {
            if (code == Native.InvalidHandle)
                throw new ObjectDisposedException(null, "The object, or its connection, is closed.");
            if (code != Native.Error)
                return code;
            var records = RecordsIfOpen();
            if (records == null)
                throw new ApilinkException("HY008", "The object was closed while a call ran on it.");
            if (records.Count > 0)
                throw new ApilinkException(records);
            // Only where calls on one handle overlap: its records are those of the last call.
            throw new ApilinkException("HY000",
                "The call failed; a call of another thread on the same object replaced its records.");
        }

        IReadOnlyList<DiagnosticRecord> RecordsIfOpen()
        {
            try
            {
                return Records();
            }
            catch (ObjectDisposedException)
            {
                return null;
            }
        }

        /// <summary>The diagnostic records of the last call.</summary>
        internal IReadOnlyList<DiagnosticRecord> Records()
        {
            var records = new List<DiagnosticRecord>();
            if (Native.DiagnosticCount(this, out var count) != Native.Success)
                return records;
            for (var number = 1; number <= count; number++)
            {
                var record = Record(number);
                if (record != null)
                    records.Add(record);
            }
            return records;
        }

        DiagnosticRecord Record(int number)
        {
            var sqlState = new byte[6];
            var code = 0;
            var message = Text.Read(1024, (byte[] buffer, out long length) =>
                Native.DiagnosticGet(this, number, sqlState, out code, buffer, buffer.Length, out length));
            return message == null
                ? null
                : new DiagnosticRecord(Encoding.ASCII.GetString(sqlState, 0, 5), code, message);
        }

        /// <summary>Text that a function writes into a buffer, or null if there is none.</summary>
        internal string ReadText(TextFunction function, int capacity = 1024) =>
            Text.Read(capacity, (byte[] buffer, out long length) => Check(function(buffer, out length)));
    }

    /// <summary>A function that writes text into a buffer and says how long it is.</summary>
    delegate int TextFunction(byte[] buffer, out long length);

    /// <summary>Text as the library has it: UTF-8, with its length in bytes.</summary>
    struct Text
    {
        internal readonly byte[] Bytes;
        internal readonly long Length;

        internal Text(string text)
        {
            Bytes = text == null ? null : Encoding.UTF8.GetBytes(text);
            Length = Bytes == null ? 0 : Bytes.Length;
        }

        internal static string Read(int capacity, TextFunction function)
        {
            while (true)
            {
                var buffer = new byte[capacity];
                var code = function(buffer, out var length);
                if (code != Native.Success && code != Native.SuccessWithInfo)
                    return null;
                if (length < capacity)
                    return Encoding.UTF8.GetString(buffer, 0, (int)length);
                capacity = checked((int)length + 1);
            }
        }
    }

    /// <summary>Cancels a call when a token says so, until the call has ended.</summary>
    sealed class Canceller : IDisposable
    {
        readonly Action cancel;
        readonly CancellationTokenRegistration registration;
        volatile bool ended;

        Canceller(CancellationToken token, Action cancel)
        {
            this.cancel = cancel;
            registration = token.Register(() => ThreadPool.QueueUserWorkItem(_ => Insist()));
        }

        /// <summary>Makes a call that a token can cancel.</summary>
        internal static T Run<T>(CancellationToken token, Action cancel, Func<T> call)
        {
            Callbacks.ForbidWithin();
            token.ThrowIfCancellationRequested();
            if (!token.CanBeCanceled)
                return call();
            using (new Canceller(token, cancel))
            {
                try
                {
                    return call();
                }
                catch (ApilinkException error) when (error.SqlState == "HY008" && token.IsCancellationRequested)
                {
                    throw new OperationCanceledException(error.Message, error, token);
                }
            }
        }

        /// <summary>Again and again, since the call may not have begun.</summary>
        void Insist()
        {
            while (!ended)
            {
                cancel();
                Thread.Sleep(10);
            }
        }

        public void Dispose()
        {
            ended = true;
            registration.Dispose();
        }
    }
}
