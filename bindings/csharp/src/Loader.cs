using System;
using System.ComponentModel;
using System.IO;
using System.Runtime.InteropServices;
using System.Text;

namespace Apilink
{
    /// <summary>
    /// Loads native libraries at a path of the program's choice, which DllImport cannot on all
    /// runtimes: .NET has its own way, Mono and .NET Framework use the system's.
    /// </summary>
    static class Loader
    {
        static readonly bool IsWindows = Path.DirectorySeparatorChar == '\\';

        /// <summary>What the library is called.</summary>
        internal static readonly string[] FileNames = IsWindows
            ? new[] { "apilink.dll" }
            : new[] { "libapilink.so", "libapilink.so.0.1", "libapilink.dylib", "libapilink.0.1.dylib" };

#if NET
        internal static IntPtr Open(string name, out string problem)
        {
            problem = null;
            try
            {
                return Path.IsPathRooted(name)
                    ? NativeLibrary.Load(name)
                    : NativeLibrary.Load(name, typeof(Loader).Assembly, null);
            }
            catch (Exception error) when (error is DllNotFoundException || error is BadImageFormatException)
            {
                problem = error.Message;
                return IntPtr.Zero;
            }
        }

        internal static IntPtr Symbol(IntPtr module, string name)
        {
            return NativeLibrary.TryGetExport(module, name, out var address) ? address : IntPtr.Zero;
        }
#else
        internal static IntPtr Open(string name, out string problem)
        {
            var module = IsWindows ? WindowsOpen(name, out problem) : UnixOpen(name, out problem);
            return module;
        }

        internal static IntPtr Symbol(IntPtr module, string name)
        {
            if (IsWindows)
                return GetProcAddress(module, name);
            var text = Encoding.UTF8.GetBytes(name + "\0");
            return HasDl ? DlSymbol(module, text) : CSymbol(module, text);
        }

        static IntPtr WindowsOpen(string name, out string problem)
        {
            var module = LoadLibrary(name);
            var error = Marshal.GetLastWin32Error();
            problem = module == IntPtr.Zero ? new Win32Exception(error).Message : null;
            return module;
        }

        static IntPtr UnixOpen(string name, out string problem)
        {
            const int now = 2;
            var text = Encoding.UTF8.GetBytes(name + "\0");
            var module = HasDl ? DlOpen(text, now) : COpen(text, now);
            problem = null;
            if (module == IntPtr.Zero)
                problem = Marshal.PtrToStringAnsi(HasDl ? DlError() : CError());
            return module;
        }

        // dlopen is in a library of its own with older C libraries, and in libc with others.
        static readonly bool HasDl = FindDl();

        static bool FindDl()
        {
            try
            {
                DlError();
                return true;
            }
            catch (DllNotFoundException)
            {
                return false;
            }
        }

        [DllImport("libdl.so.2", EntryPoint = "dlopen")]
        static extern IntPtr DlOpen(byte[] name, int flags);

        [DllImport("libdl.so.2", EntryPoint = "dlsym")]
        static extern IntPtr DlSymbol(IntPtr module, byte[] name);

        [DllImport("libdl.so.2", EntryPoint = "dlerror")]
        static extern IntPtr DlError();

        [DllImport("libc", EntryPoint = "dlopen")]
        static extern IntPtr COpen(byte[] name, int flags);

        [DllImport("libc", EntryPoint = "dlsym")]
        static extern IntPtr CSymbol(IntPtr module, byte[] name);

        [DllImport("libc", EntryPoint = "dlerror")]
        static extern IntPtr CError();

        [DllImport("kernel32", EntryPoint = "LoadLibraryW", CharSet = CharSet.Unicode,
            ExactSpelling = true, SetLastError = true)]
        static extern IntPtr LoadLibrary(string name);

        [DllImport("kernel32", CharSet = CharSet.Ansi, ExactSpelling = true, BestFitMapping = false)]
        static extern IntPtr GetProcAddress(IntPtr module, string name);
#endif
    }
}
