namespace Apilink
{
    /// <summary>A record of a list: see <see cref="Connection.Records"/>. Pointers begin at the
    /// record, as in "/client/name"; the empty one leads to the record itself. It can be read
    /// until the enumeration leaves its page.</summary>
    public sealed class Record
    {
        readonly Response page;
        readonly string place;

        internal Record(Response page, string place)
        {
            this.page = page;
            this.place = place;
        }

        /// <summary>What a pointer leads to: see <see cref="Response.GetKind"/>.</summary>
        public JsonKind? GetKind(string pointer) => page.GetKind(place + pointer);

        /// <summary>A value as text: see <see cref="Response.GetString"/>.</summary>
        public string GetString(string pointer) => page.GetString(place + pointer);

        /// <summary>An integer: see <see cref="Response.GetInt64"/>.</summary>
        public long? GetInt64(string pointer) => page.GetInt64(place + pointer);

        /// <summary>A number: see <see cref="Response.GetDouble"/>.</summary>
        public double? GetDouble(string pointer) => page.GetDouble(place + pointer);

        /// <summary>A number as a decimal: see <see cref="Response.GetDecimal"/>.</summary>
        public decimal? GetDecimal(string pointer) => page.GetDecimal(place + pointer);

        /// <summary>A truth value: see <see cref="Response.GetBoolean"/>.</summary>
        public bool? GetBoolean(string pointer) => page.GetBoolean(place + pointer);

        /// <summary>The number of elements or members: see <see cref="Response.GetLength"/>.
        /// </summary>
        public long GetLength(string pointer) => page.GetLength(place + pointer);

        /// <summary>The record as JSON.</summary>
        public override string ToString() => GetString("");
    }
}
