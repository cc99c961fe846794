using System;
using System.Runtime.InteropServices;

namespace Apilink
{
    /// <summary>
    /// The functions of include/apilink.h that are used here. tests/e2e/test_csharp_binding.py
    /// compares them with the header.
    /// </summary>
    sealed class Native
    {
        internal const int AbiVersion = 1;

        internal const int Success = 0;
        internal const int SuccessWithInfo = 1;
        internal const int NoData = 100;
        internal const int Error = -1;
        internal const int InvalidHandle = -2;

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void LogCallback(IntPtr userData, int level, IntPtr line, long length);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int AuthorizeCallback(IntPtr userData, IntPtr url, long length);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate long ReadCallback(IntPtr userData, IntPtr buffer, long capacity);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate IntPtr apilink_version();

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_abi_version();

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_diagnostic_count(SafeHandle handle, out int count);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_diagnostic_get(
            SafeHandle handle, int number, byte[] sqlstate, out int nativeCode, byte[] message,
            long capacity, out long length);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_connection_new(out IntPtr connection);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_connection_free(IntPtr connection);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_connection_set_timeout(SafeHandle connection, long seconds);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_connection_set_login_timeout(
            SafeHandle connection, long seconds);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_connection_set_log_callback(
            SafeHandle connection, int level, LogCallback callback, IntPtr userData);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_connection_set_authorize_callback(
            SafeHandle connection, AuthorizeCallback callback, IntPtr userData);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_connection_connect(
            SafeHandle connection, byte[] connectionString, long length);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_connection_is_connected(
            SafeHandle connection, out int connected);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_connection_disconnect(SafeHandle connection);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_connection_cancel(SafeHandle connection);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_token_text(
            SafeHandle connection, byte[] buffer, long capacity, out long length);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_token_type(
            SafeHandle connection, byte[] buffer, long capacity, out long length);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_token_expiry(SafeHandle connection, out long unixSeconds);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_token_scope(
            SafeHandle connection, byte[] buffer, long capacity, out long length);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_token_refresh(SafeHandle connection);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_token_revoke(SafeHandle connection);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_authorization_url(
            SafeHandle connection, byte[] connectionString, long length, byte[] state,
            long stateLength, byte[] buffer, long capacity, out long urlLength);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_authorization_state(
            SafeHandle connection, byte[] buffer, long capacity, out long length);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_authorization_pkce_verifier(
            SafeHandle connection, byte[] buffer, long capacity, out long length);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_authorization_exchange(
            SafeHandle connection, byte[] connectionString, long length, byte[] code,
            long codeLength);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_new(SafeHandle connection, out IntPtr request);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_free(IntPtr request);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_prepare(
            SafeHandle request, byte[] method, long methodLength, byte[] url, long urlLength);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_prepare_signed(
            SafeHandle request, byte[] method, long methodLength, byte[] url, long urlLength);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_add_query(
            SafeHandle request, byte[] name, long nameLength, byte[] value, long valueLength);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_add_header(
            SafeHandle request, byte[] name, long nameLength, byte[] value, long valueLength);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_set_body(
            SafeHandle request, byte[] data, long length, byte[] contentType,
            long contentTypeLength);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_set_body_file(
            SafeHandle request, byte[] path, long pathLength, byte[] contentType,
            long contentTypeLength);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_set_body_callback(
            SafeHandle request, ReadCallback callback, IntPtr userData, long total,
            byte[] contentType, long contentTypeLength);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_set_timeout(SafeHandle request, long seconds);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_execute(SafeHandle request, out IntPtr response);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_next_page(
            SafeHandle request, SafeHandle response, out IntPtr next);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_request_cancel(SafeHandle request);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_free(IntPtr response);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_status(SafeHandle response, out int status);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_header(
            SafeHandle response, byte[] name, long nameLength, int index, byte[] buffer,
            long capacity, out long length);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_header_count(SafeHandle response, out int count);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_header_at(
            SafeHandle response, int index, byte[] name, long nameCapacity, out long nameLength,
            byte[] value, long valueCapacity, out long valueLength);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_body(
            SafeHandle response, out IntPtr data, out long length);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_read(
            SafeHandle response, byte[] buffer, long capacity, out long read);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_save(
            SafeHandle response, byte[] path, long length, out long written);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_json_type(
            SafeHandle response, byte[] pointer, long pointerLength, out int kind);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_json_text(
            SafeHandle response, byte[] pointer, long pointerLength, byte[] buffer, long capacity,
            out long length);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_json_integer(
            SafeHandle response, byte[] pointer, long pointerLength, out long value);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_json_double(
            SafeHandle response, byte[] pointer, long pointerLength, out double value);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_json_boolean(
            SafeHandle response, byte[] pointer, long pointerLength, out int value);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int apilink_response_json_length(
            SafeHandle response, byte[] pointer, long pointerLength, out long value);

        internal readonly apilink_diagnostic_count DiagnosticCount;
        internal readonly apilink_diagnostic_get DiagnosticGet;
        internal readonly apilink_connection_new ConnectionNew;
        internal readonly apilink_connection_free ConnectionFree;
        internal readonly apilink_connection_set_timeout ConnectionSetTimeout;
        internal readonly apilink_connection_set_login_timeout ConnectionSetLoginTimeout;
        internal readonly apilink_connection_set_log_callback ConnectionSetLogCallback;
        internal readonly apilink_connection_set_authorize_callback ConnectionSetAuthorizeCallback;
        internal readonly apilink_connection_connect ConnectionConnect;
        internal readonly apilink_connection_is_connected ConnectionIsConnected;
        internal readonly apilink_connection_disconnect ConnectionDisconnect;
        internal readonly apilink_connection_cancel ConnectionCancel;
        internal readonly apilink_token_text TokenText;
        internal readonly apilink_token_type TokenType;
        internal readonly apilink_token_expiry TokenExpiry;
        internal readonly apilink_token_scope TokenScope;
        internal readonly apilink_token_refresh TokenRefresh;
        internal readonly apilink_token_revoke TokenRevoke;
        internal readonly apilink_authorization_url AuthorizationUrl;
        internal readonly apilink_authorization_state AuthorizationState;
        internal readonly apilink_authorization_pkce_verifier AuthorizationPkceVerifier;
        internal readonly apilink_authorization_exchange AuthorizationExchange;
        internal readonly apilink_request_new RequestNew;
        internal readonly apilink_request_free RequestFree;
        internal readonly apilink_request_prepare RequestPrepare;
        internal readonly apilink_request_prepare_signed RequestPrepareSigned;
        internal readonly apilink_request_add_query RequestAddQuery;
        internal readonly apilink_request_add_header RequestAddHeader;
        internal readonly apilink_request_set_body RequestSetBody;
        internal readonly apilink_request_set_body_file RequestSetBodyFile;
        internal readonly apilink_request_set_body_callback RequestSetBodyCallback;
        internal readonly apilink_request_set_timeout RequestSetTimeout;
        internal readonly apilink_request_execute RequestExecute;
        internal readonly apilink_request_next_page RequestNextPage;
        internal readonly apilink_request_cancel RequestCancel;
        internal readonly apilink_response_free ResponseFree;
        internal readonly apilink_response_status ResponseStatus;
        internal readonly apilink_response_header ResponseHeader;
        internal readonly apilink_response_header_count ResponseHeaderCount;
        internal readonly apilink_response_header_at ResponseHeaderAt;
        internal readonly apilink_response_body ResponseBody;
        internal readonly apilink_response_read ResponseRead;
        internal readonly apilink_response_save ResponseSave;
        internal readonly apilink_response_json_type ResponseJsonType;
        internal readonly apilink_response_json_text ResponseJsonText;
        internal readonly apilink_response_json_integer ResponseJsonInteger;
        internal readonly apilink_response_json_double ResponseJsonDouble;
        internal readonly apilink_response_json_boolean ResponseJsonBoolean;
        internal readonly apilink_response_json_length ResponseJsonLength;

        /// <summary>The path or name that the library was loaded by.</summary>
        internal readonly string Path;
        internal readonly string Version;
        readonly IntPtr module;

        internal Native(IntPtr module, string path)
        {
            this.module = module;
            Path = path;
            Version = VersionOf(module);
            DiagnosticCount = Bind<apilink_diagnostic_count>();
            DiagnosticGet = Bind<apilink_diagnostic_get>();
            ConnectionNew = Bind<apilink_connection_new>();
            ConnectionFree = Bind<apilink_connection_free>();
            ConnectionSetTimeout = Bind<apilink_connection_set_timeout>();
            ConnectionSetLoginTimeout = Bind<apilink_connection_set_login_timeout>();
            ConnectionSetLogCallback = Bind<apilink_connection_set_log_callback>();
            ConnectionSetAuthorizeCallback = Bind<apilink_connection_set_authorize_callback>();
            ConnectionConnect = Bind<apilink_connection_connect>();
            ConnectionIsConnected = Bind<apilink_connection_is_connected>();
            ConnectionDisconnect = Bind<apilink_connection_disconnect>();
            ConnectionCancel = Bind<apilink_connection_cancel>();
            TokenText = Bind<apilink_token_text>();
            TokenType = Bind<apilink_token_type>();
            TokenExpiry = Bind<apilink_token_expiry>();
            TokenScope = Bind<apilink_token_scope>();
            TokenRefresh = Bind<apilink_token_refresh>();
            TokenRevoke = Bind<apilink_token_revoke>();
            AuthorizationUrl = Bind<apilink_authorization_url>();
            AuthorizationState = Bind<apilink_authorization_state>();
            AuthorizationPkceVerifier = Bind<apilink_authorization_pkce_verifier>();
            AuthorizationExchange = Bind<apilink_authorization_exchange>();
            RequestNew = Bind<apilink_request_new>();
            RequestFree = Bind<apilink_request_free>();
            RequestPrepare = Bind<apilink_request_prepare>();
            RequestPrepareSigned = Bind<apilink_request_prepare_signed>();
            RequestAddQuery = Bind<apilink_request_add_query>();
            RequestAddHeader = Bind<apilink_request_add_header>();
            RequestSetBody = Bind<apilink_request_set_body>();
            RequestSetBodyFile = Bind<apilink_request_set_body_file>();
            RequestSetBodyCallback = Bind<apilink_request_set_body_callback>();
            RequestSetTimeout = Bind<apilink_request_set_timeout>();
            RequestExecute = Bind<apilink_request_execute>();
            RequestNextPage = Bind<apilink_request_next_page>();
            RequestCancel = Bind<apilink_request_cancel>();
            ResponseFree = Bind<apilink_response_free>();
            ResponseStatus = Bind<apilink_response_status>();
            ResponseHeader = Bind<apilink_response_header>();
            ResponseHeaderCount = Bind<apilink_response_header_count>();
            ResponseHeaderAt = Bind<apilink_response_header_at>();
            ResponseBody = Bind<apilink_response_body>();
            ResponseRead = Bind<apilink_response_read>();
            ResponseSave = Bind<apilink_response_save>();
            ResponseJsonType = Bind<apilink_response_json_type>();
            ResponseJsonText = Bind<apilink_response_json_text>();
            ResponseJsonInteger = Bind<apilink_response_json_integer>();
            ResponseJsonDouble = Bind<apilink_response_json_double>();
            ResponseJsonBoolean = Bind<apilink_response_json_boolean>();
            ResponseJsonLength = Bind<apilink_response_json_length>();
        }

        /// <summary>Why a module is not the library that this assembly needs, or null.</summary>
        internal static string Mismatch(IntPtr module)
        {
            var abiVersion = Loader.Symbol(module, nameof(apilink_abi_version));
            if (abiVersion == IntPtr.Zero || Loader.Symbol(module, nameof(apilink_version)) == IntPtr.Zero)
                return "it is not libapilink";
            var found = Marshal.GetDelegateForFunctionPointer<apilink_abi_version>(abiVersion)();
            if (found == AbiVersion)
                return null;
            return $"it is version {VersionOf(module)} with binary interface {found}; this assembly "
                + $"needs binary interface {AbiVersion}. Install the two of one release";
        }

        static string VersionOf(IntPtr module)
        {
            var version = Loader.Symbol(module, nameof(apilink_version));
            var call = Marshal.GetDelegateForFunctionPointer<apilink_version>(version);
            return Marshal.PtrToStringAnsi(call());
        }

        T Bind<T>()
        {
            var address = Loader.Symbol(module, typeof(T).Name);
            if (address == IntPtr.Zero)
                throw new DllNotFoundException($"{Path} has no function {typeof(T).Name}.");
            return Marshal.GetDelegateForFunctionPointer<T>(address);
        }
    }
}
