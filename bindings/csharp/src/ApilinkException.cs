using System;
using System.Collections.Generic;
using System.Linq;

namespace Apilink
{
    /// <summary>A diagnostic record of the library.</summary>
    public sealed class DiagnosticRecord
    {
        internal DiagnosticRecord(string sqlState, int native, string message)
        {
            SqlState = sqlState;
            Native = native;
            Message = message;
        }

        /// <summary>Five characters, such as "28000".</summary>
        public string SqlState { get; }

        /// <summary>The HTTP status (100 to 599), the number of an OAuth error (1001 to 1099), or
        /// 0.</summary>
        public int Native { get; }

        /// <summary>What happened, to what, and what to do next.</summary>
        public string Message { get; }

        /// <summary>The SQLSTATE and the message.</summary>
        public override string ToString() => $"[{SqlState}] {Message}";
    }

    /// <summary>A call failed. SqlState says in what way: 28000 authorization, 08001 and 08S01 the
    /// network, HYT00 time ran out, HY008 cancelled, HY024 a wrong value; see docs/csharp.md.
    /// </summary>
    public class ApilinkException : Exception
    {
        internal ApilinkException(IReadOnlyList<DiagnosticRecord> records)
            : base(string.Join("\n", records.Select(record => record.ToString())))
        {
            Records = records;
        }

        internal ApilinkException(string sqlState, string message)
            : this(new[] { new DiagnosticRecord(sqlState, 0, message) })
        {
        }

        /// <summary>All diagnostic records, the most important one first; never empty.</summary>
        public IReadOnlyList<DiagnosticRecord> Records { get; }

        /// <summary>SQLSTATE of the first record.</summary>
        public string SqlState => Records[0].SqlState;

        /// <summary>Native code of the first record: an HTTP status, the number of an OAuth error,
        /// or 0.</summary>
        public int Native => Records[0].Native;
    }

    /// <summary>The service answered with a status of 400 or more. Thrown by
    /// <see cref="Response.EnsureSuccess"/>.</summary>
    public sealed class HttpException : ApilinkException
    {
        internal HttpException(IReadOnlyList<DiagnosticRecord> records, int status)
            : base(records)
        {
            Status = status;
        }

        /// <summary>The HTTP status.</summary>
        public int Status { get; }
    }
}
