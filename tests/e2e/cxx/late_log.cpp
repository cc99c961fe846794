// Cancels a refresh and frees the connection while the refresh goes on. What its log function works
// with is freed as well, so the library must not call that any more. Run by test_header.py, with
// AddressSanitizer, which would report it.
//
// Environment: APILINK_STRING, a string with a refresh token and a store in memory. A line on
// standard input says that the refresh has reached the service.
#include <cstdlib>
#include <iostream>
#include <thread>

#include <apilink.hpp>

int main() {
    const std::string string = std::getenv("APILINK_STRING");
    std::mutex mutex;
    std::string heard;
    apilink::Connection second;
    second.set_log(1, [&](std::int32_t, std::string_view line) {
        const std::lock_guard<std::mutex> guard(mutex);
        heard += line;
    });
    second.connect(string);

    std::string error;
    {
        apilink::Connection first;
        first.set_log(1, [text = std::string(1000, 'x')](std::int32_t, std::string_view line) {
            std::cerr << text.size() << ' ' << line << '\n';
        });
        first.connect(string);
        std::thread refresh([&] {
            try {
                first.refresh_token();
            } catch (const apilink::Error& cancelled) {
                error = cancelled.sqlstate();
            }
        });
        std::string line;
        std::getline(std::cin, line);
        first.cancel();
        refresh.join();
    }
    second.refresh_token(); // waits for the refresh that goes on
    std::cout << error << (heard.find("was refreshed") != std::string::npos ? " heard" : " not heard")
              << std::endl;
}
