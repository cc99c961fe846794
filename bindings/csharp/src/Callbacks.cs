using System;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading;

namespace Apilink
{
    /// <summary>
    /// Callbacks from the library. It gets three delegates that live as long as the program, and a
    /// number for each object that is to be called. A call that comes late, when the object is
    /// gone, finds nothing, and does no harm. No exception passes through the library.
    /// </summary>
    static class Callbacks
    {
        internal static readonly Native.LogCallback Log = OnLog;
        internal static readonly Native.AuthorizeCallback Authorize = OnAuthorize;
        internal static readonly Native.ReadCallback Read = OnRead;

        static readonly ConcurrentDictionary<long, WeakReference<Registration>> Registrations =
            new ConcurrentDictionary<long, WeakReference<Registration>>();
        static long last;

        [ThreadStatic]
        static bool isWithin;

        /// <summary>A number for an object, as long as this lives.</summary>
        internal sealed class Registration
        {
            internal readonly object Target;
            readonly long number = Interlocked.Increment(ref last);

            internal Registration(object target)
            {
                Target = target;
                Registrations[number] = new WeakReference<Registration>(this);
            }

            ~Registration() => Registrations.TryRemove(number, out _);

            internal IntPtr UserData => new IntPtr(number);
        }

        /// <summary>Throws within a callback in which the library must not be called.</summary>
        internal static void ForbidWithin()
        {
            if (isWithin)
                throw new InvalidOperationException(
                    "A log or authorize callback may call nothing of apilink but Cancel().");
        }

        static T Target<T>(IntPtr userData) where T : class
        {
            if (!Registrations.TryGetValue(userData.ToInt64(), out var reference))
                return null;
            return reference.TryGetTarget(out var registration) ? registration.Target as T : null;
        }

        static void OnLog(IntPtr userData, int level, IntPtr line, long length)
        {
            isWithin = true;
            try
            {
                Target<Action<int, string>>(userData)?.Invoke(level, TextAt(line, length));
            }
            catch (Exception error)
            {
                Trace.TraceError("apilink: the log callback threw {0}", error);
            }
            finally
            {
                isWithin = false;
            }
        }

        static int OnAuthorize(IntPtr userData, IntPtr url, long length)
        {
            isWithin = true;
            try
            {
                var authorizer = Target<Authorizer>(userData);
                return authorizer != null && authorizer.Show(TextAt(url, length)) ? 0 : 1;
            }
            finally
            {
                isWithin = false;
            }
        }

        static long OnRead(IntPtr userData, IntPtr buffer, long capacity)
        {
            var body = Target<StreamBody>(userData);
            return body == null ? -1 : body.Read(buffer, capacity);
        }

        static string TextAt(IntPtr text, long length)
        {
            var bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, bytes.Length);
            return Encoding.UTF8.GetString(bytes);
        }
    }

    /// <summary>Shows the authorization URL through a function of the program.</summary>
    sealed class Authorizer
    {
        readonly Func<string, bool> show;

        internal Authorizer(Func<string, bool> show) => this.show = show;

        /// <summary>What the function threw; thrown again where the connection is made.</summary>
        internal Exception Error { get; private set; }

        internal bool Show(string url)
        {
            Error = null;
            try
            {
                return show(url);
            }
            catch (Exception error)
            {
                Error = error;
                return false;
            }
        }
    }

    /// <summary>Delivers a request body out of a stream.</summary>
    sealed class StreamBody
    {
        readonly Stream stream;
        byte[] piece = new byte[0];

        internal StreamBody(Stream stream) => this.stream = stream;

        /// <summary>What the stream threw; thrown again where the request is executed.</summary>
        internal Exception Error { get; private set; }

        internal long Read(IntPtr buffer, long capacity)
        {
            try
            {
                if (piece.Length == 0)
                    piece = new byte[Math.Min(capacity, 65536)];
                var count = stream.Read(piece, 0, (int)Math.Min(capacity, piece.Length));
                Marshal.Copy(piece, 0, buffer, count);
                return count;
            }
            catch (Exception error)
            {
                Error = error;
                return -1;
            }
        }
    }
}
