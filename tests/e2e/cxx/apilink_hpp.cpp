// Calls everything in apilink.hpp against a sandbox. Run by test_header.py, with sanitizers.
//
// Environment: APILINK_STRING, a string with GETANDREFRESH and no store; APILINK_FOLDER, for files;
// BROWSER, which answers the login. /api/v4/practice_areas never answers.
// Standard input: the redirected URL of the login whose URL is printed as "AUTHORIZE ...".
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include <apilink.hpp>

namespace {

void require(bool holds, const char* what, int line) {
    if (!holds) {
        std::cerr << "line " << line << ": " << what << '\n';
        std::exit(EXIT_FAILURE);
    }
}
#define REQUIRE(condition) require((condition), #condition, __LINE__)

template <class Exception = apilink::Error, class Call>
Exception thrown(Call call, int line) {
    try {
        call();
    } catch (const Exception& exception) {
        return exception;
    }
    std::cerr << "line " << line << ": nothing was thrown\n";
    std::exit(EXIT_FAILURE);
}
#define THROWN(...) thrown([&] { __VA_ARGS__; }, __LINE__)

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    require(value != nullptr, name, __LINE__);
    return value;
}

struct Unplanned : std::exception {};

void errors() {
    apilink::Connection connection;
    const auto error = THROWN(connection.connect("Profile=Clio;OAuthClientIdd=1"));
    REQUIRE(error.sqlstate() == "HY024");
    REQUIRE(error.native() == 0);
    REQUIRE(error.records().size() == 1);
    REQUIRE(error.records()[0].message.find("OAuthClientId?") != std::string::npos);
    REQUIRE(error.what() == "[HY024] " + error.records()[0].message);
    REQUIRE(THROWN(connection.disconnect()).sqlstate() == "08003");
    REQUIRE(THROWN(apilink::Connection("")).sqlstate() == "28000");
    const char* unset = nullptr;
    REQUIRE(THROWN(apilink::Connection{unset}).sqlstate() == "HY009");

    auto moved = std::move(connection);
    REQUIRE(!moved.is_connected());
    REQUIRE(THROWN(connection.is_connected()).sqlstate() == "HY000"); // NOLINT: on purpose
    REQUIRE(THROWN(connection.connect("x=y")).sqlstate() == "HY000");
    REQUIRE(THROWN(connection.set_log(1, [](auto, auto) {})).sqlstate() == "HY000");
    connection.cancel();
    connection = std::move(moved);
    REQUIRE(!connection.is_connected());
}

void versions() {
    REQUIRE(apilink::version() == APILINK_VERSION);
    REQUIRE(apilink::abi_version() == APILINK_ABI_VERSION);
}

void pointers() {
    REQUIRE(apilink::at("") == "");
    REQUIRE(apilink::at("/data", 3, "client", std::string("a/b~c")) == "/data/3/client/a~1b~0c");
    REQUIRE(apilink::at("/data", std::size_t{0}, std::string_view{"id"}) == "/data/0/id");
}

// The scripted browser, beside the login that waits for it.
class Browser {
public:
    bool open(std::string_view url) {
        thread_ = std::thread([command = environment("BROWSER") + " '" + std::string(url) + "'"] {
            REQUIRE(std::system(command.c_str()) == 0);
        });
        return true;
    }
    ~Browser() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }

private:
    std::thread thread_;
};

void log_in(apilink::Connection& connection, const std::string& string) {
    connection.set_timeout(std::chrono::seconds(30));
    connection.set_login_timeout(std::chrono::seconds(60));
    REQUIRE(THROWN(connection.set_login_timeout(std::chrono::seconds(0))).sqlstate() == "HY024");

    connection.set_authorize([](std::string_view) -> bool { throw Unplanned(); });
    thrown<Unplanned>([&] { connection.connect(string); }, __LINE__);
    connection.set_authorize([](std::string_view) { return false; });
    REQUIRE(THROWN(connection.connect(string)).sqlstate() == "HY008");
    connection.set_authorize(nullptr);

    Browser browser;
    connection.set_authorize([&](std::string_view url) { return browser.open(url); });
    connection.connect(string + ";State=mine;state=second");
    REQUIRE(connection.is_connected());
    const auto warnings = connection.is_connected() ? connection.warnings()
                                                    : std::vector<apilink::Record>{};
    REQUIRE(warnings.empty()); // those of is_connected, which has none
    REQUIRE(THROWN(connection.connect(string)).sqlstate() == "08002");
    REQUIRE(THROWN(connection.set_authorize(nullptr)).sqlstate() == "HY010");

    apilink::Connection second;
    second.connect(string + ";State=mine;state=second");
    REQUIRE(second.warnings().size() == 1);
    REQUIRE(second.warnings()[0].sqlstate == "01S00");
    REQUIRE(second.token() == connection.token());
}

void tokens(apilink::Connection& connection) {
    const auto first = connection.token();
    REQUIRE(first && first->size() > 10);
    REQUIRE(connection.token_type() == "Bearer");
    REQUIRE(!connection.token_scope());
    REQUIRE(connection.token_expiry().value() > std::chrono::system_clock::now());
    connection.refresh_token();
    REQUIRE(connection.token() != first);
}

void responses(apilink::Connection& connection) {
    auto user = connection.get("users/who_am_i", {{"fields", "id,name,enabled,rate"}});
    REQUIRE(user.status() == 200 && user.ok());
    REQUIRE(&user.require_success() == &user);
    REQUIRE(user.warnings().empty());
    REQUIRE(user.header("content-TYPE") == user.content_type());
    REQUIRE(user.content_type()->find("application/json") == 0);
    REQUIRE(!user.header("X-Nowhere"));
    REQUIRE(!user.header("Content-Type", 1));
    REQUIRE(THROWN(user.header("Content-Type", -1)).sqlstate() == "07009");
    bool found = false;
    for (const auto& [name, value] : user.headers()) {
        found = found || (name == "content-type" && value == user.content_type());
    }
    REQUIRE(found);

    REQUIRE(user.type("") == apilink::Json::object);
    REQUIRE(user.type("/data/id") == apilink::Json::integer);
    REQUIRE(user.type("/data/name") == apilink::Json::string);
    REQUIRE(!user.type("/data/nowhere"));
    REQUIRE(user.integer("/data/id").value() > 0);
    REQUIRE(user.real("/data/id").value() > 0);
    REQUIRE(user.text("/data/id") == std::to_string(*user.integer("/data/id")));
    REQUIRE(user.boolean("/data/enabled") == true);
    REQUIRE(user.length("/data").value() == 4);
    REQUIRE(!user.text("/data/nowhere") && !user.integer("/nowhere") && !user.length("/nowhere"));
    REQUIRE(THROWN(user.integer("/data/name")).sqlstate() == "22018");
    REQUIRE(THROWN(user.text("data")).sqlstate() == "HY024");
    const auto body = user.body();
    REQUIRE(body.front() == '{' && body.find(*user.text("/data/name")) != body.npos);
    auto moved = std::move(user);
    REQUIRE(moved.body().data() == body.data());
    REQUIRE(THROWN(user.status()).sqlstate() == "HY000"); // NOLINT: on purpose

    auto missing = connection.get("matters/1");
    REQUIRE(missing.status() == 404 && !missing.ok());
    REQUIRE(missing.warnings().size() == 1 && missing.warnings()[0].native_code == 404);
    const auto error = thrown<apilink::HttpError>([&] { missing.require_success(); }, __LINE__);
    REQUIRE(error.status() == 404 && error.native() == 404 && error.sqlstate() == "01000");
    REQUIRE(std::string(error.what()).find("RecordNotFound") != std::string::npos);
    thrown<apilink::HttpError>([&] { connection.get("matters/1").require_success(); }, __LINE__);

    auto pieces = connection.get("matters", {{"fields", "id,description"}, {"limit", "200"}});
    std::string whole;
    char piece[1000];
    while (const auto read = pieces.read(piece, sizeof piece)) {
        whole.append(piece, read);
    }
    REQUIRE(whole.size() > 5000 && whole.back() == '}');
    REQUIRE(THROWN(pieces.body()).sqlstate() == "HY010");
}

void requests(apilink::Connection& connection) {
    auto request = connection.request();
    REQUIRE(THROWN(request.execute()).sqlstate() == "HY010");
    REQUIRE(request.warnings().at(0).sqlstate == "HY010");

    const std::string json = R"({"data":{"type":"Company","name":"Søren & Co"}})";
    auto created = request.prepare("POST", "contacts")
                       .query("fields", "id,name,etag")
                       .timeout(std::chrono::seconds(20))
                       .body(json)
                       .execute();
    created.require_success();
    REQUIRE(created.status() == 201 && created.text("/data/name") == "Søren & Co");
    const auto path = "contacts/" + created.text("/data/id").value();

    // From a function, which gives it in pieces of 3 bytes.
    const std::string change = R"({"data":{"name":"Other & Co"}})";
    std::size_t given = 0;
    const auto three_bytes = [&](char* buffer, std::size_t capacity) {
        const auto piece = change.copy(buffer, std::min<std::size_t>(3, capacity), given);
        given += piece;
        return piece;
    };
    auto changed = request.prepare("PATCH", path)
                       .header("If-Match", created.text("/data/etag").value())
                       .query("fields", "name")
                       .body_from(three_bytes, static_cast<std::int64_t>(change.size()),
                                  "application/json")
                       .execute();
    changed.require_success();
    REQUIRE(changed.text("/data/name") == "Other & Co");

    request.prepare("PATCH", path).body_from(
        [](char*, std::size_t) -> std::size_t { throw Unplanned(); }, 10, "application/json");
    auto moved = std::move(request);
    thrown<Unplanned>([&] { moved.execute(); }, __LINE__);
    REQUIRE(THROWN(request.prepare("GET", "matters")).sqlstate() == "HY000"); // NOLINT: on purpose

    std::istringstream broken("abc");
    broken.setstate(std::ios::badbit);
    moved.prepare("PATCH", path).body_from(broken, 3, "application/json");
    thrown<std::ios_base::failure>([&] { moved.execute(); }, __LINE__);

    auto deleted = connection.request("DELETE", path).execute();
    REQUIRE(deleted.status() == 204 && deleted.body().empty());
    REQUIRE(THROWN(connection.get("https://example.com/")).sqlstate() == "HY024");
}

// Uploads twice: from a stream and from a file; downloads to a file.
void documents(apilink::Connection& connection, const std::string& folder) {
    std::string content;
    for (int i = 0; i < 50000; ++i) {
        content += static_cast<char>(i * 7 % 251);
    }
    const auto source = std::filesystem::path(folder) / "Füße.bin";
    const auto target = std::filesystem::path(folder) / "copy.bin";
    std::ofstream(source, std::ios::binary) << content;

    for (const bool from_file : {true, false}) {
        auto matters = connection.get("matters", {{"fields", "id"}, {"limit", "1"}});
        const auto json = R"({"data":{"name":"a.bin","parent":{"type":"Matter","id":)" +
                          matters.text("/data/0/id").value() + "}}}";
        auto document =
            connection.request("POST", "documents",
                               {{"fields", "id,latest_document_version{uuid,put_url,put_headers}"}})
                .body(json, "application/json")
                .execute();
        document.require_success();
        const std::string version = "/data/latest_document_version";
        auto put = connection.signed_request("PUT", document.text(version + "/put_url").value());
        for (int i = 0; i < document.length(version + "/put_headers"); ++i) {
            put.header(document.text(apilink::at(version, "put_headers", i, "name")).value(),
                       document.text(apilink::at(version, "put_headers", i, "value")).value());
        }
        std::istringstream stream(content);
        if (from_file) {
            put.body_file(source);
        } else {
            put.body_from(stream, static_cast<std::int64_t>(content.size()));
        }
        put.execute().require_success();
        const auto id = document.text("/data/id").value();
        connection.request("PATCH", "documents/" + id)
            .body(R"({"data":{"uuid":")" + document.text(version + "/uuid").value() +
                  R"(","fully_uploaded":true}})")
            .execute()
            .require_success();
        auto download = connection.get("documents/" + id + "/download");
        REQUIRE(download.require_success().save(target) ==
                static_cast<std::int64_t>(content.size()));
        std::ifstream file(target, std::ios::binary);
        std::ostringstream copy;
        copy << file.rdbuf();
        REQUIRE(copy.str() == content);
    }
}

void pages(apilink::Connection& connection) {
    std::int64_t rows = 0, count = 0;
    for (auto& page : connection.pages(
             "matters", {{"fields", "id"}, {"limit", "100"}, {"order", "id(asc)"}})) {
        rows += page.length("/data").value();
        ++count;
    }
    REQUIRE(rows == 250 && count == 3);

    auto none = connection.pages("matters", {{"fields", "id"}, {"query", "nobody has this name"}});
    count = 0;
    for (auto page = none.begin(); page != none.end(); ++page) {
        REQUIRE(page->length("/data") == 0);
        ++count;
    }
    REQUIRE(count == 1);

    auto wrong = connection.pages("matters/1/nowhere");
    thrown<apilink::HttpError>([&] { wrong.begin(); }, __LINE__);
    wrong.request().cancel();
}

// Cancels until the call has ended, for it may not have begun yet.
template <class Call, class Cancel>
void cancelled(Call call, Cancel cancel) {
    std::atomic<bool> ended{false};
    std::thread canceller([&] {
        while (!ended) {
            cancel();
            std::this_thread::yield();
        }
    });
    const auto error = THROWN(call());
    ended = true;
    canceller.join();
    REQUIRE(error.sqlstate() == "HY008");
}

void cancels(apilink::Connection& connection) {
    cancelled([&] { connection.get("practice_areas"); }, [&] { connection.cancel(); });
    auto request = connection.request("GET", "practice_areas");
    cancelled([&] { request.execute(); }, [&] { request.cancel(); });
    REQUIRE(connection.get("users/who_am_i").ok());
}

void headless(const std::string& string) {
    apilink::Connection connection;
    REQUIRE(!connection.authorization_state());
    const auto own = connection.authorization_url(string, "own-state");
    REQUIRE(own.find("state=own-state") != own.npos);
    const auto url = connection.authorization_url(string);
    const auto state = connection.authorization_state().value();
    REQUIRE(state != "own-state" && url.find("state=" + state) != url.npos);
    REQUIRE(!connection.authorization_pkce_verifier());
    std::cout << "AUTHORIZE " << url << std::endl;
    std::string redirected;
    REQUIRE(static_cast<bool>(std::getline(std::cin, redirected)));
    REQUIRE(THROWN(connection.exchange_code(string, redirected + "x")).sqlstate() == "28000");
    connection.exchange_code(string, redirected);
    connection.connect(string);
    REQUIRE(connection.get("users/who_am_i").ok());
    connection.revoke_token();
    REQUIRE(!connection.is_connected());
}

void logs(const std::string& string) {
    std::mutex mutex;
    std::vector<std::string> lines;
    apilink::Connection connection;
    REQUIRE(THROWN(connection.set_log(6, [](auto, auto) {})).sqlstate() == "HY024");
    connection.set_log(2, [&](std::int32_t level, std::string_view line) {
        REQUIRE(level >= 1 && level <= 2);
        const std::lock_guard<std::mutex> guard(mutex);
        lines.emplace_back(line);
    });
    connection.connect(string);
    auto response = connection.get("users/who_am_i");
    const auto count = lines.size();
    REQUIRE(count >= 2 && lines.back().find("who_am_i") != std::string::npos);
    REQUIRE(!connection.log_exception());

    connection.disconnect();
    connection.set_log(2, nullptr);
    connection.connect(string);
    REQUIRE(connection.get("users/who_am_i").ok() && lines.size() == count);

    connection.disconnect();
    connection.set_log(2, [](std::int32_t, std::string_view) { throw Unplanned(); });
    connection.connect(string);
    REQUIRE(connection.get("users/who_am_i").ok());
    const auto exception = connection.log_exception();
    thrown<Unplanned>([&] { std::rethrow_exception(exception); }, __LINE__);

    // A response outlives its connection, and what it reports to.
    std::optional<apilink::Response> survivor;
    {
        apilink::Connection shorter;
        shorter.set_log(5, [&, text = std::string(100, 'x')](auto, auto) {
            REQUIRE(text.back() == 'x');
        });
        shorter.connect(string);
        survivor = shorter.get("users/who_am_i");
    }
    REQUIRE(survivor->text("/data/name").has_value());
}

} // namespace

int main() {
    const auto bare_string = environment("APILINK_STRING");
    const auto string = bare_string + ";OAuthSettingsLocation=memory://tests";
    const auto folder = environment("APILINK_FOLDER");
    versions();
    errors();
    pointers();
    {
        apilink::Connection connection;
        log_in(connection, string);
        tokens(connection);
        responses(connection);
        requests(connection);
        documents(connection, folder);
        pages(connection);
        cancels(connection);
        logs(string);
        connection.disconnect();
        REQUIRE(!connection.is_connected());
    }
    headless(bare_string + ";OAuthSettingsLocation='" + folder + "/other.txt'");
    std::cout << "DONE" << std::endl;
    return EXIT_SUCCESS;
}
