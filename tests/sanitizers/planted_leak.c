/* Makes the library leak memory. LeakSanitizer must report it; otherwise a clean run of the other
 * programs says nothing about leaks. */

/* Of the feature planted-faults only, and therefore not in apilink.h. */
void apilink_test_leak(void);

int main(void)
{
    /* More than once: the last pointer may still lie about on the stack. */
    int i;

    for (i = 0; i < 10; i++)
        apilink_test_leak();
    return 0;
}
