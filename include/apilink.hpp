/*
 * apilink for C++17: the functions of apilink.h as classes that free themselves, with exceptions.
 *
 *     apilink::Connection connection{"Profile=Clio;...;"};
 *     for (auto& page : connection.pages("matters", {{"fields", "id,display_number"}}))
 *         for (std::int64_t row = 0; row < page.length("/data").value_or(0); ++row)
 *             std::cout << page.text(apilink::at("/data", row, "display_number")).value_or("") << '\n';
 *
 * Header-only; link the program with libapilink. apilink.h is the reference for what the calls
 * do, for the SQLSTATEs and for the thread rules; here stands what is different in C++:
 *
 *  - An error is an apilink::Error that holds the diagnostic records. A warning is no exception:
 *    warnings() of the object that was called returns the records of its last call.
 *  - An HTTP status of 400 or more is a Response like any other. Response::require_success()
 *    makes an apilink::HttpError of it; pages() does so by itself.
 *  - "No data" is an empty std::optional.
 *  - Text is UTF-8 in std::string and std::string_view.
 *  - Objects can be moved, not copied. One that was moved from answers every call with an Error.
 *  - Threads: as in C, the connection may be used from several threads at a time, a request or
 *    response from one; cancel() comes from any. Moving or destroying an object while another
 *    thread uses it is not allowed, as with every C++ object.
 *  - Functions of the program that the library calls may throw: no exception travels through the
 *    library, but each comes out where the description of the function says.
 *  - Besides Error, a call can throw std::bad_alloc.
 */
#ifndef APILINK_HPP
#define APILINK_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <istream>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "apilink.h"

namespace apilink {

// ---- errors and warnings ------------------------------------------------------------------------

/// A diagnostic record.
struct Record {
    std::string sqlstate;         ///< Five characters, such as "28000".
    std::int32_t native_code = 0; ///< The HTTP status, one of APILINK_OAUTH_..., or 0.
    std::string message;          ///< What happened, to what, and what to do next.
};

/// What every call throws that does not succeed.
class Error : public std::runtime_error {
public:
    /// From the records of a failed call, the most important one first.
    explicit Error(std::vector<Record> records)
        : std::runtime_error(describe(records)),
          records_(std::make_shared<const std::vector<Record>>(std::move(records))) {}

    /// The SQLSTATE of the first record, or HY000.
    std::string_view sqlstate() const noexcept {
        return records_->empty() ? std::string_view{"HY000"} : records_->front().sqlstate;
    }

    /// The native code of the first record, or 0.
    std::int32_t native() const noexcept {
        return records_->empty() ? 0 : records_->front().native_code;
    }

    /// All records. what() is the first one, as "[SQLSTATE] message".
    const std::vector<Record>& records() const noexcept { return *records_; }

private:
    static std::string describe(const std::vector<Record>& records) {
        if (records.empty()) {
            return "[HY000] apilink gave no reason";
        }
        return '[' + records.front().sqlstate + "] " + records.front().message;
    }

    // Shared, because copying an exception must not throw.
    std::shared_ptr<const std::vector<Record>> records_;
};

/// What Response::require_success throws: the service answered, with a status of 400 or more.
class HttpError : public Error {
public:
    HttpError(std::int32_t status, std::vector<Record> records)
        : Error(std::move(records)), status_(status) {}

    /// The HTTP status.
    std::int32_t status() const noexcept { return status_; }

private:
    std::int32_t status_;
};

// ---- versions -----------------------------------------------------------------------------------

/// Version of the library that the program runs with; APILINK_VERSION is that of the header.
inline std::string_view version() noexcept { return apilink_version(); }

/// Version of the library's binary interface. Connection checks that it is APILINK_ABI_VERSION.
inline std::int32_t abi_version() noexcept { return apilink_abi_version(); }

// ---- parts of the implementation ----------------------------------------------------------------

namespace detail {

inline std::int64_t length(std::string_view text) noexcept {
    return static_cast<std::int64_t>(text.size());
}

/// A pointer that is not null for empty text either.
inline const char* pointer(std::string_view text) noexcept {
    return text.data() == nullptr ? "" : text.data();
}

/// An optional argument: null where it is empty.
inline const char* pointer_or_null(std::string_view text) noexcept {
    return text.empty() ? nullptr : text.data();
}

/// Asks for text until the buffer is large enough for it. `call` takes a buffer, its capacity and
/// a place for the length, and returns whether there is text.
template <class Call>
std::optional<std::string> text(Call call, std::size_t expected = 255) {
    std::string buffer(expected, '\0');
    for (;;) {
        std::int64_t whole = 0;
        // The string has room for the NUL behind its end.
        if (!call(buffer.data(), length(buffer) + 1, &whole)) {
            return std::nullopt;
        }
        const bool fits = whole <= length(buffer);
        buffer.resize(static_cast<std::size_t>(whole));
        if (fits) {
            return buffer;
        }
    }
}

inline std::vector<Record> records(const void* handle) {
    std::vector<Record> all;
    std::int32_t count = 0;
    if (apilink_diagnostic_count(handle, &count) != APILINK_SUCCESS) {
        return all;
    }
    for (std::int32_t number = 1; number <= count; ++number) {
        char sqlstate[6] = "";
        std::int32_t native_code = 0;
        auto message = text([&](char* buffer, std::int64_t capacity, std::int64_t* whole) {
            const auto code = apilink_diagnostic_get(handle, number, sqlstate, &native_code,
                                                     buffer, capacity, whole);
            return code == APILINK_SUCCESS || code == APILINK_SUCCESS_WITH_INFO;
        });
        if (message) {
            all.push_back({sqlstate, native_code, std::move(*message)});
        }
    }
    return all;
}

/// Whether there is data. Throws what is neither success nor "no data".
inline bool check(std::int32_t code, const void* handle) {
    switch (code) {
    case APILINK_SUCCESS:
    case APILINK_SUCCESS_WITH_INFO:
        return true;
    case APILINK_NO_DATA:
        return false;
    case APILINK_INVALID_HANDLE:
        throw Error({{"HY000", 0, "The object is not valid: it was moved from, or was made before "
                                  "a fork."}});
    default:
        throw Error(records(handle));
    }
}

inline std::string utf8(const std::filesystem::path& path) {
    const auto text = path.u8string(); // of char8_t since C++20
    return {text.begin(), text.end()};
}

/// A step of a JSON Pointer from a name, in which "~" and "/" are escaped (RFC 6901 section 3).
inline void append_step(std::string& pointer, std::string_view name) {
    pointer += '/';
    for (const char c : name) {
        if (c == '~') {
            pointer += "~0";
        } else if (c == '/') {
            pointer += "~1";
        } else {
            pointer += c;
        }
    }
}

/// A step from a name or from a position in an array.
template <class Step>
void append_any_step(std::string& pointer, const Step& step) {
    if constexpr (std::is_integral_v<Step>) {
        append_step(pointer, std::to_string(step));
    } else {
        append_step(pointer, step);
    }
}

/// A handle that is freed at the end of its owner's life.
template <class Type, std::int32_t (*free)(Type*)>
class Handle {
public:
    explicit Handle(Type* handle = nullptr) noexcept : handle_(handle) {}
    Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Handle& operator=(Handle&& other) noexcept {
        if (this != &other) {
            free(handle_);
            handle_ = std::exchange(other.handle_, nullptr);
        }
        return *this;
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() { free(handle_); }

    Type* get() const noexcept { return handle_; }

private:
    Type* handle_;
};

/// The exception that a function of the program has thrown.
class Caught {
public:
    void keep() noexcept {
        const std::lock_guard<std::mutex> guard(mutex_);
        if (!exception_) {
            exception_ = std::current_exception();
        }
    }

    std::exception_ptr take() noexcept {
        const std::lock_guard<std::mutex> guard(mutex_);
        return std::exchange(exception_, nullptr);
    }

    void rethrow() {
        if (auto exception = take()) {
            std::rethrow_exception(std::move(exception));
        }
    }

private:
    std::mutex mutex_;
    std::exception_ptr exception_;
};

/// A function of the program, at an address that does not change.
template <class Signature>
struct Callback {
    std::function<Signature> function;
    Caught* caught;
};

/// What the library may call as long as a connection, or a request or response of it, exists.
struct Callbacks {
    using Log = Callback<void(std::int32_t, std::string_view)>;
    using Authorize = Callback<bool(std::string_view)>;

    std::mutex mutex;
    // Earlier ones stay: requests of the session before may still report to them.
    std::list<Log> log;
    std::list<Authorize> authorize;
    Caught log_exception;
    Caught authorize_exception;
};

extern "C" {

inline void apilink_cxx_log(void* user_data, std::int32_t level, const char* line,
                            std::int64_t length) {
    auto& callback = *static_cast<Callbacks::Log*>(user_data);
    try {
        callback.function(level, {line, static_cast<std::size_t>(length)});
    } catch (...) {
        callback.caught->keep();
    }
}

inline std::int32_t apilink_cxx_authorize(void* user_data, const char* url, std::int64_t length) {
    auto& callback = *static_cast<Callbacks::Authorize*>(user_data);
    try {
        return callback.function({url, static_cast<std::size_t>(length)}) ? 0 : 1;
    } catch (...) {
        callback.caught->keep();
        return 1;
    }
}

} // extern "C"

/// Where the body of a request is pulled from.
struct Reader {
    std::function<std::size_t(char*, std::size_t)> function;
    Caught caught;
};

extern "C" inline std::int64_t apilink_cxx_read(void* user_data, void* buffer,
                                                std::int64_t capacity) {
    auto& reader = *static_cast<Reader*>(user_data);
    try {
        return static_cast<std::int64_t>(
            reader.function(static_cast<char*>(buffer), static_cast<std::size_t>(capacity)));
    } catch (...) {
        reader.caught.keep();
        return -1;
    }
}

} // namespace detail

// ---- JSON pointers ------------------------------------------------------------------------------

/// A JSON Pointer that goes on from another one: at("/data", 3, "client", "name") is
/// "/data/3/client/name".
template <class... Steps>
std::string at(std::string_view start, const Steps&... steps) {
    std::string pointer{start};
    (detail::append_any_step(pointer, steps), ...);
    return pointer;
}

// ---- responses ----------------------------------------------------------------------------------

/// The type of a JSON value.
enum class Json : std::int32_t {
    null = APILINK_JSON_NULL,
    boolean = APILINK_JSON_BOOLEAN,
    integer = APILINK_JSON_INTEGER, ///< A number without fraction and exponent, of 64 bits.
    real = APILINK_JSON_DOUBLE,     ///< Any other number.
    string = APILINK_JSON_STRING,
    array = APILINK_JSON_ARRAY,
    object = APILINK_JSON_OBJECT,
};

/// A reply to a request. It outlives request and connection, as far as it has arrived.
class Response {
public:
    /// The HTTP status, 100 to 599.
    std::int32_t status() const {
        std::int32_t status = 0;
        check(apilink_response_status(handle(), &status));
        return status;
    }

    /// Whether the status is below 400.
    bool ok() const { return status() < 400; }

    /// Throws HttpError with the service's own words unless the status is below 400.
    Response& require_success() & {
        if (const auto code = status(); code >= 400) {
            throw HttpError(code, warnings_);
        }
        return *this;
    }
    /// As above.
    Response&& require_success() && { return std::move(require_success()); }

    /// What the call that fetched the response left to know: the service's error type and
    /// message where the status is 400 or more, and warnings.
    const std::vector<Record>& warnings() const noexcept { return warnings_; }

    /// A header by its name, without regard to case; `index` counts headers of the same name.
    std::optional<std::string> header(std::string_view name, std::int32_t index = 0) const {
        return text_of([&](char* buffer, std::int64_t capacity, std::int64_t* whole) {
            return apilink_response_header(handle(), detail::pointer(name), detail::length(name),
                                           index, buffer, capacity, whole);
        });
    }

    /// All headers, names in lower case.
    std::vector<std::pair<std::string, std::string>> headers() const {
        std::int32_t count = 0;
        check(apilink_response_header_count(handle(), &count));
        std::vector<std::pair<std::string, std::string>> all;
        for (std::int32_t index = 0; index < count; ++index) {
            auto name = text_of([&](char* buffer, std::int64_t capacity, std::int64_t* whole) {
                return apilink_response_header_at(handle(), index, buffer, capacity, whole,
                                                  nullptr, 0, nullptr);
            });
            auto value = text_of([&](char* buffer, std::int64_t capacity, std::int64_t* whole) {
                return apilink_response_header_at(handle(), index, nullptr, 0, nullptr, buffer,
                                                  capacity, whole);
            });
            all.emplace_back(std::move(name).value_or(""), std::move(value).value_or(""));
        }
        return all;
    }

    /// The content type as sent, such as "application/json; charset=utf-8".
    std::optional<std::string> content_type() const {
        return text_of([&](char* buffer, std::int64_t capacity, std::int64_t* whole) {
            return apilink_response_content_type(handle(), buffer, capacity, whole);
        });
    }

    /// The whole body, read to its end first. The view is valid as long as the response exists,
    /// and a NUL follows its end.
    std::string_view body() {
        const void* data = nullptr;
        std::int64_t length = 0;
        check(apilink_response_body(handle(), &data, &length));
        return {static_cast<const char*>(data), static_cast<std::size_t>(length)};
    }

    /// Reads the next piece of the body, at most `capacity` bytes, which is at least 1. Returns
    /// the number of bytes, 0 at the end.
    std::size_t read(void* buffer, std::size_t capacity) {
        std::int64_t read = 0;
        const auto more = check(apilink_response_read(
            handle(), buffer, static_cast<std::int64_t>(capacity), &read));
        return more ? static_cast<std::size_t>(read) : 0;
    }

    /// Writes the rest of the body to a file, which appears under its name only when it is
    /// complete. Returns the number of bytes.
    std::int64_t save(const std::filesystem::path& path) {
        const auto name = detail::utf8(path);
        std::int64_t written = 0;
        check(apilink_response_save(handle(), detail::pointer(name), detail::length(name),
                                    &written));
        return written;
    }

    /// The type of the value that a JSON Pointer (RFC 6901) leads to; empty if it leads nowhere.
    std::optional<Json> type(std::string_view pointer) {
        return value<std::int32_t, Json>(apilink_response_json_type, pointer);
    }

    /// A value as text: a string as it is, everything else as JSON. Empty where the pointer leads
    /// nowhere or to null, as with the following ones.
    std::optional<std::string> text(std::string_view pointer) {
        return text_of([&](char* buffer, std::int64_t capacity, std::int64_t* whole) {
            return apilink_response_json_text(handle(), detail::pointer(pointer),
                                              detail::length(pointer), buffer, capacity, whole);
        });
    }

    /// An integer, exact to 64 bits; also one that is sent as a string.
    std::optional<std::int64_t> integer(std::string_view pointer) {
        return value<std::int64_t, std::int64_t>(apilink_response_json_integer, pointer);
    }

    /// A number; also one that is sent as a string.
    std::optional<double> real(std::string_view pointer) {
        return value<double, double>(apilink_response_json_double, pointer);
    }

    /// A truth value.
    std::optional<bool> boolean(std::string_view pointer) {
        return value<std::int32_t, bool>(apilink_response_json_boolean, pointer);
    }

    /// The number of elements of an array, or of members of an object.
    std::optional<std::int64_t> length(std::string_view pointer) {
        return value<std::int64_t, std::int64_t>(apilink_response_json_length, pointer);
    }

    /// The handle, for functions of apilink.h. It stays the property of this object.
    apilink_response* handle() const noexcept { return handle_.get(); }

private:
    friend class Request;

    Response(apilink_response* response, std::shared_ptr<detail::Callbacks> callbacks) noexcept
        : callbacks_(std::move(callbacks)), handle_(response) {}

    bool check(std::int32_t code) const { return detail::check(code, handle()); }

    template <class Call>
    std::optional<std::string> text_of(Call call) const {
        return detail::text([&](char* buffer, std::int64_t capacity, std::int64_t* whole) {
            return check(call(buffer, capacity, whole));
        });
    }

    template <class Raw, class Value, class Function>
    std::optional<Value> value(Function function, std::string_view pointer) {
        Raw raw{};
        if (!check(function(handle(), detail::pointer(pointer), detail::length(pointer), &raw))) {
            return std::nullopt;
        }
        return static_cast<Value>(raw);
    }

    // Before the handle, so that it is there until the handle is freed.
    std::shared_ptr<detail::Callbacks> callbacks_;
    detail::Handle<apilink_response, apilink_response_free> handle_;
    std::vector<Record> warnings_;
};

// ---- requests -----------------------------------------------------------------------------------

/// A request, which runs one call at a time. Its settings can be chained:
/// `connection.request("GET", "matters").query("limit", "10").execute()`.
class Request {
public:
    /// Says what to request, and forgets the query, headers, body and time limit set before.
    Request& prepare(std::string_view method, std::string_view url) {
        return set(apilink_request_prepare(handle(), detail::pointer(method),
                                           detail::length(method), detail::pointer(url),
                                           detail::length(url)));
    }

    /// As prepare, for a signed URL that the service handed out. Carries no token.
    Request& prepare_signed(std::string_view method, std::string_view url) {
        return set(apilink_request_prepare_signed(handle(), detail::pointer(method),
                                                  detail::length(method), detail::pointer(url),
                                                  detail::length(url)));
    }

    /// Adds a query parameter; it is percent-encoded as needed.
    Request& query(std::string_view name, std::string_view value) {
        return set(apilink_request_add_query(handle(), detail::pointer(name), detail::length(name),
                                             detail::pointer(value), detail::length(value)));
    }

    /// Adds a header.
    Request& header(std::string_view name, std::string_view value) {
        return set(apilink_request_add_header(handle(), detail::pointer(name),
                                              detail::length(name), detail::pointer(value),
                                              detail::length(value)));
    }

    /// Sets a body from memory; it is copied. Without a content type, it is application/json
    /// unless the header Content-Type was added.
    Request& body(std::string_view data, std::string_view content_type = {}) {
        return set(apilink_request_set_body(handle(), detail::pointer(data), detail::length(data),
                                            detail::pointer_or_null(content_type),
                                            detail::length(content_type)));
    }

    /// Sets a body from a file, which is read while it is sent.
    Request& body_file(const std::filesystem::path& path, std::string_view content_type = {}) {
        const auto name = detail::utf8(path);
        return set(apilink_request_set_body_file(handle(), detail::pointer(name),
                                                 detail::length(name),
                                                 detail::pointer_or_null(content_type),
                                                 detail::length(content_type)));
    }

    /// Sets a body that `function` delivers while it is sent, on the thread that executes the
    /// request: it puts at most so many bytes there and returns how many, 0 at the end. What it
    /// throws comes out of execute. `total` is the number of bytes, if it is known.
    Request& body_from(std::function<std::size_t(char*, std::size_t)> function,
                       std::optional<std::int64_t> total = std::nullopt,
                       std::string_view content_type = {}) {
        auto reader = std::make_unique<detail::Reader>();
        reader->function = std::move(function);
        set(apilink_request_set_body_callback(handle(), detail::apilink_cxx_read, reader.get(),
                                              total.value_or(-1),
                                              detail::pointer_or_null(content_type),
                                              detail::length(content_type)));
        reader_ = std::move(reader);
        return *this;
    }

    /// Sets a body that is read from a stream while it is sent. The stream must exist as long as
    /// the request is executed; if reading fails, execute throws std::ios_base::failure.
    Request& body_from(std::istream& stream, std::optional<std::int64_t> total = std::nullopt,
                       std::string_view content_type = {}) {
        return body_from(
            [&stream](char* buffer, std::size_t capacity) {
                stream.read(buffer, static_cast<std::streamsize>(capacity));
                if (stream.bad() || (stream.fail() && !stream.eof())) {
                    throw std::ios_base::failure("the stream with the body cannot be read");
                }
                return static_cast<std::size_t>(stream.gcount());
            },
            total, content_type);
    }

    /// Sets the time limit of this request for connecting and for silence; 0: none.
    Request& timeout(std::chrono::seconds limit) {
        return set(apilink_request_set_timeout(handle(), limit.count()));
    }

    /// Sends the request and waits for the reply, whatever its HTTP status. The request can be
    /// executed again.
    Response execute() {
        apilink_response* response = nullptr;
        const auto code = apilink_request_execute(handle(), &response);
        if (reader_) {
            auto exception = reader_->caught.take();
            if (exception) {
                apilink_response_free(response);
                std::rethrow_exception(std::move(exception));
            }
        }
        detail::check(code, handle());
        return reply(code, response);
    }

    /// The page that follows a page of a list; empty after the last one.
    std::optional<Response> next_page(const Response& page) {
        apilink_response* response = nullptr;
        const auto code = apilink_request_next_page(handle(), page.handle(), &response);
        if (!detail::check(code, handle())) {
            return std::nullopt;
        }
        return reply(code, response);
    }

    /// Cancels what runs on the request now, the reading of its responses included. From any
    /// thread.
    void cancel() const noexcept { apilink_request_cancel(handle()); }

    /// The records of the last call on this object.
    std::vector<Record> warnings() const { return detail::records(handle()); }

    /// The handle, for functions of apilink.h. It stays the property of this object.
    apilink_request* handle() const noexcept { return handle_.get(); }

private:
    friend class Connection;

    Request(apilink_connection* connection, std::shared_ptr<detail::Callbacks> callbacks)
        : callbacks_(std::move(callbacks)), handle_(allocate(connection)) {}

    static apilink_request* allocate(apilink_connection* connection) {
        apilink_request* request = nullptr;
        detail::check(apilink_request_new(connection, &request), connection);
        return request;
    }

    Request& set(std::int32_t code) {
        detail::check(code, handle());
        return *this;
    }

    Response reply(std::int32_t code, apilink_response* response) {
        Response result(response, callbacks_);
        if (code == APILINK_SUCCESS_WITH_INFO) {
            result.warnings_ = warnings();
        }
        return result;
    }

    std::shared_ptr<detail::Callbacks> callbacks_;
    std::unique_ptr<detail::Reader> reader_;
    detail::Handle<apilink_request, apilink_request_free> handle_;
};

/// Names and values of a query.
using Parameters = std::vector<std::pair<std::string, std::string>>;

/// The pages of a list, for a range-based `for`. They are fetched as the loop goes on, so it can be
/// run through once. Fetching throws Error, and HttpError for a status of 400 or more.
class Pages {
public:
    /// An input iterator.
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Response;
        using difference_type = std::ptrdiff_t;
        using pointer = Response*;
        using reference = Response&;

        iterator() = default;
        /// The page; valid until the iterator is incremented.
        Response& operator*() const { return *pages_->page_; }
        Response* operator->() const { return &*pages_->page_; }
        /// Fetches the next page.
        iterator& operator++() {
            pages_->advance();
            if (!pages_->page_) {
                pages_ = nullptr;
            }
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& a, const iterator& b) noexcept {
            return a.pages_ == b.pages_;
        }
        friend bool operator!=(const iterator& a, const iterator& b) noexcept { return !(a == b); }

    private:
        friend class Pages;
        explicit iterator(Pages* pages) noexcept : pages_(pages) {}
        Pages* pages_ = nullptr;
    };

    /// From a request that has been prepared.
    explicit Pages(Request request) : request_(std::move(request)) {}

    /// Fetches the first page.
    iterator begin() {
        page_ = request_.execute();
        page_->require_success();
        return iterator(this);
    }
    iterator end() noexcept { return {}; }

    /// The request, to cancel it for instance.
    Request& request() noexcept { return request_; }

private:
    void advance() {
        page_ = request_.next_page(*page_);
        if (page_) {
            page_->require_success();
        }
    }

    Request request_;
    std::optional<Response> page_;
};

// ---- connections --------------------------------------------------------------------------------

/// A connection to a service.
class Connection {
public:
    /// Allocates a connection; nothing is opened yet.
    Connection()
        : callbacks_(std::make_shared<detail::Callbacks>()), handle_(allocate()) {}

    /// Allocates a connection and connects it.
    explicit Connection(std::string_view connection_string) : Connection() {
        connect(connection_string);
    }

    /// The same with a C string; NULL, as of an environment variable that is not set, is an Error.
    explicit Connection(const char* connection_string) : Connection() {
        connect(connection_string);
    }

    // ---- before connecting

    /// The time limit for connecting and for silence on the wire, in place of the property
    /// Timeout; 0: none.
    void set_timeout(std::chrono::seconds limit) {
        check(apilink_connection_set_timeout(handle(), limit.count()));
    }

    /// How long a login in the browser may take, in place of the property LoginTimeout.
    void set_login_timeout(std::chrono::seconds limit) {
        check(apilink_connection_set_login_timeout(handle(), limit.count()));
    }

    /// Sends the log to `function`: level (1 to 5) and line. It comes on any thread, on several at
    /// once; see apilink_log_callback for what it may do. An empty function ends the reporting.
    ///
    /// What it throws is kept for log_exception(): a log that fails makes no call fail.
    void set_log(std::int32_t level, std::function<void(std::int32_t, std::string_view)> function) {
        if (!function) {
            check(apilink_connection_set_log_callback(handle(), level, nullptr, nullptr));
            return;
        }
        auto& callback = keep(callbacks().log, std::move(function), callbacks().log_exception);
        check(apilink_connection_set_log_callback(handle(), level, detail::apilink_cxx_log,
                                                  &callback));
    }

    /// The first exception that the function of set_log has thrown since the last call; or null.
    std::exception_ptr log_exception() { return callbacks().log_exception.take(); }

    /// Shows the authorization URL through `function` instead of opening a browser. It comes on
    /// the thread that connects; `false` gives the login up (HY008). What it throws gives the
    /// login up, too, and comes out of connect. An empty function restores the browser.
    void set_authorize(std::function<bool(std::string_view)> function) {
        if (!function) {
            check(apilink_connection_set_authorize_callback(handle(), nullptr, nullptr));
            return;
        }
        auto& callback = keep(callbacks().authorize, std::move(function),
                              callbacks().authorize_exception);
        check(apilink_connection_set_authorize_callback(handle(), detail::apilink_cxx_authorize,
                                                        &callback));
    }

    // ---- connecting

    /// Connects with a connection string: see docs/connection-string.md. Waits for a login where
    /// the string allows one and there is no token.
    void connect(std::string_view connection_string) {
        connect(detail::pointer(connection_string), detail::length(connection_string));
    }

    /// The same with a C string; NULL is an Error.
    void connect(const char* connection_string) { connect(connection_string, APILINK_NTS); }

    /// Whether it is connected. Makes no request.
    bool is_connected() const {
        std::int32_t connected = 0;
        check(apilink_connection_is_connected(handle(), &connected));
        return connected != 0;
    }

    /// Ends the connection and cancels what runs on it. The token stays where it is stored.
    void disconnect() { check(apilink_connection_disconnect(handle())); }

    /// Cancels everything that runs on the connection now, with HY008. From any thread.
    void cancel() const noexcept { apilink_connection_cancel(handle()); }

    // ---- the token

    /// The access token, refreshed first if it has expired; empty with AuthScheme=None.
    std::optional<std::string> token() { return text_of(apilink_token_text); }

    /// The type of the token, usually "Bearer".
    std::optional<std::string> token_type() const { return text_of(apilink_token_type); }

    /// When the token expires; empty when the service did not say.
    std::optional<std::chrono::system_clock::time_point> token_expiry() const {
        std::int64_t seconds = 0;
        if (!check(apilink_token_expiry(handle(), &seconds))) {
            return std::nullopt;
        }
        return std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
    }

    /// The scope of the token; empty when the service did not say (Clio does not).
    std::optional<std::string> token_scope() const { return text_of(apilink_token_scope); }

    /// Refreshes the token now, whatever its age, and stores the new one.
    void refresh_token() { check(apilink_token_refresh(handle())); }

    /// Revokes the token at the service, removes it from its store, and disconnects.
    void revoke_token() { check(apilink_token_revoke(handle())); }

    // ---- logins on another machine

    /// The URL at which a person authorizes the application. `state` is the application's own; an
    /// empty one stands for the property State, or else a random one. While another thread waits
    /// in connect for a login, and `state` is empty, it is the URL that is waited for.
    std::string authorization_url(std::string_view connection_string, std::string_view state = {}) {
        auto url = detail::text(
            [&](char* buffer, std::int64_t capacity, std::int64_t* whole) {
                return check(apilink_authorization_url(
                    handle(), detail::pointer(connection_string),
                    detail::length(connection_string), detail::pointer_or_null(state),
                    detail::length(state), buffer, capacity, whole));
            },
            2048);
        return std::move(url).value_or("");
    }

    /// The state of the last authorization_url; empty when none was made.
    std::optional<std::string> authorization_state() const {
        return text_of(apilink_authorization_state);
    }

    /// The PKCE verifier of the last authorization_url; empty where PKCE is not used.
    std::optional<std::string> authorization_pkce_verifier() const {
        return text_of(apilink_authorization_pkce_verifier);
    }

    /// Exchanges a code, or the whole URL that the browser was redirected to, for tokens, and puts
    /// them into the token store that the connection string names. Afterwards connect.
    void exchange_code(std::string_view connection_string, std::string_view code) {
        check(apilink_authorization_exchange(handle(), detail::pointer(connection_string),
                                             detail::length(connection_string),
                                             detail::pointer(code), detail::length(code)));
    }

    // ---- requests

    /// A request that is still to be prepared. Threads use a request each.
    Request request() { return Request(handle(), callbacks_); }

    /// A request: `url` is a path below the API's base, such as "matters".
    Request request(std::string_view method, std::string_view url,
                    const Parameters& parameters = {}) {
        auto request = this->request();
        request.prepare(method, url);
        for (const auto& [name, value] : parameters) {
            request.query(name, value);
        }
        return request;
    }

    /// A request to a signed URL that the service handed out. Carries no token.
    Request signed_request(std::string_view method, std::string_view url) {
        auto request = this->request();
        request.prepare_signed(method, url);
        return request;
    }

    /// GETs something. The HTTP status is not looked at: see Response::require_success.
    Response get(std::string_view url, const Parameters& parameters = {}) {
        return request("GET", url, parameters).execute();
    }

    /// The pages of a list: `for (auto& page : connection.pages("matters", {{"fields", "id"}}))`.
    Pages pages(std::string_view url, const Parameters& parameters = {}) {
        return Pages(request("GET", url, parameters));
    }

    /// The records of the last call on this object.
    std::vector<Record> warnings() const { return detail::records(handle()); }

    /// The handle, for functions of apilink.h. It stays the property of this object.
    apilink_connection* handle() const noexcept { return handle_.get(); }

private:
    void connect(const char* connection_string, std::int64_t length) {
        const auto code = apilink_connection_connect(handle(), connection_string, length);
        if (code == APILINK_ERROR) {
            callbacks().authorize_exception.rethrow();
        }
        check(code);
    }

    static apilink_connection* allocate() {
        if (apilink_abi_version() != APILINK_ABI_VERSION) {
            throw Error({{"HY000", 0,
                          "The program was compiled for version " +
                              std::to_string(APILINK_ABI_VERSION) +
                              " of the interface of apilink, and runs with version " +
                              std::to_string(apilink_abi_version()) +
                              ". Compile it with the header of the library that it runs with."}});
        }
        apilink_connection* connection = nullptr;
        if (apilink_connection_new(&connection) != APILINK_SUCCESS) {
            throw Error({{"HY001", 0, "There is no room for another connection."}});
        }
        return connection;
    }

    bool check(std::int32_t code) const { return detail::check(code, handle()); }

    template <class Function>
    std::optional<std::string> text_of(Function function) const {
        return detail::text([&](char* buffer, std::int64_t capacity, std::int64_t* whole) {
            return check(function(handle(), buffer, capacity, whole));
        });
    }

    /// They are there unless the connection was moved from.
    detail::Callbacks& callbacks() {
        if (!callbacks_) {
            check(APILINK_INVALID_HANDLE);
        }
        return *callbacks_;
    }

    template <class List, class Function>
    typename List::value_type& keep(List& list, Function function, detail::Caught& caught) {
        const std::lock_guard<std::mutex> guard(callbacks_->mutex);
        return list.emplace_back(typename List::value_type{std::move(function), &caught});
    }

    std::shared_ptr<detail::Callbacks> callbacks_;
    detail::Handle<apilink_connection, apilink_connection_free> handle_;
};

} // namespace apilink

#endif // APILINK_HPP
