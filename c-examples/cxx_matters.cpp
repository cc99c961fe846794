// Lists all matters with their clients, in C++17.
//
//     cxx_matters [open|pending|closed]
//
// The connection string comes from the environment variable APILINK_CONNECTION_STRING.
#include <cstdlib>
#include <ctime>
#include <iomanip>
#include <iostream>

#include <apilink.hpp>

namespace {

void list_matters(const char* connection_string, const char* status) {
    apilink::Connection connection{connection_string};
    for (const auto& warning : connection.warnings()) {
        std::cerr << "warning: " << warning.message << '\n';
    }

    auto user = connection.get("users/who_am_i", {{"fields", "name"}});
    user.require_success();
    std::cout << "Logged in as " << user.text("/data/name").value_or("(unknown)") << '\n';
    if (const auto expiry = connection.token_expiry()) {
        const auto time = std::chrono::system_clock::to_time_t(*expiry);
        std::cout << "The token expires on " << std::put_time(std::gmtime(&time), "%F") << '\n';
    }

    apilink::Parameters parameters{{"fields", "id,display_number,status,client{name}"},
                                   {"limit", "100"},
                                   {"order", "id(asc)"}};
    if (status != nullptr) {
        parameters.emplace_back("status", status);
    }
    std::int64_t count = 0;
    for (auto& page : connection.pages("matters", parameters)) {
        const auto rows = page.length("/data").value_or(0);
        for (std::int64_t row = 0; row < rows; ++row) {
            const auto cell = [&](auto... column) {
                return page.text(apilink::at("/data", row, column...)).value_or("");
            };
            std::cout << cell("display_number") << '\t' << cell("status") << '\t'
                      << cell("client", "name") << '\n';
        }
        count += rows;
    }
    std::cout << count << " matters\n";
}

} // namespace

int main(int argc, char** argv) {
    const char* connection_string = std::getenv("APILINK_CONNECTION_STRING");
    if (connection_string == nullptr) {
        std::cerr << "Set APILINK_CONNECTION_STRING.\n";
        return EXIT_FAILURE;
    }
    try {
        list_matters(connection_string, argc > 1 ? argv[1] : nullptr);
        return EXIT_SUCCESS;
    } catch (const apilink::HttpError& error) {
        std::cerr << "Clio answered with " << error.status() << ": " << error.what() << '\n';
    } catch (const apilink::Error& error) {
        for (const auto& record : error.records()) {
            std::cerr << '[' << record.sqlstate << "] " << record.message << '\n';
        }
    }
    return EXIT_FAILURE;
}
