/* A token by seven system calls: no libc, no start-up code. Linux on x86_64. */

enum { READ = 0, WRITE = 1, SOCKET = 41, CONNECT = 42, EXIT_GROUP = 231 };

static long call(long number, long first, long second, long third)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
}

static const char request[] = "GET /metadata/identity/oauth2/token?api-version=2018-02-01&"
                              "resource=https%3A%2F%2Fmanagement.azure.com%2F HTTP/1.1\r\n"
                              "Host: 169.254.169.254\r\nMetadata: true\r\nConnection: close\r\n\r\n";
static const char before[] = "\"access_token\":\"";
static const char island[] = "ON_THE_ISLAND=";
static char answer[16 * 1024];

static int starts(const char *text, const char *with, long length)
{
    for (long i = 0; i < length; i++)
        if (text[i] != with[i])
            return 0;
    return 1;
}

/* Prints the token if the answer so far holds all of it. */
static int print(long filled)
{
    const long skip = sizeof before - 1;
    for (long at = 0; at + skip < filled; at++) {
        if (!starts(answer + at, before, skip))
            continue;
        for (long end = at + skip; end < filled; end++) {
            if (answer[end] != '"')
                continue;
            answer[end] = '\n';
            const long length = end + 1 - (at + skip);
            return call(WRITE, 1, (long)(answer + at + skip), length) == length;
        }
        return 0;
    }
    return 0;
}

static int run(char **environment)
{
    while (*environment && !starts(*environment, island, sizeof island - 1))
        environment++;
    if (!*environment)
        return 2;
    static const struct {
        unsigned short family, port;
        unsigned address;
        char zero[8];
    } imds = {2, 80 << 8, 0xFEA9FEA9, {0}};
    const long sent = sizeof request - 1;
    const long stream = call(SOCKET, 2, 1, 0);
    if (stream < 0 || call(CONNECT, stream, (long)&imds, sizeof imds) || call(WRITE, stream, (long)request, sent) != sent)
        return 1;
    for (long filled = 0;;) {
        const long got = call(READ, stream, (long)(answer + filled), sizeof answer - filled);
        if (got <= 0)
            return 1;
        filled += got;
        if (print(filled))
            return 0;
    }
}

/* The stack begins with the count of arguments, their addresses, a zero, and those of the environment. */
__attribute__((noreturn, used)) static void begin(long *stack)
{
    call(EXIT_GROUP, run((char **)(stack + *stack + 2)), 0, 0);
    __builtin_unreachable();
}

__asm__(".globl _start\n"
        "_start: mov %rsp, %rdi\n"
        "        and $-16, %rsp\n"
        "        call begin\n");
