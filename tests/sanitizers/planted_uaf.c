/* Makes the library read freed memory. AddressSanitizer and valgrind must report it; otherwise
 * they do not see into the library, and a clean run of the other programs means nothing. */
#include <stdint.h>

/* Of the feature planted-faults only, and therefore not in apilink.h. */
int32_t apilink_test_use_after_free(void);

int main(void)
{
    return apilink_test_use_after_free() == -1;
}
