using System;
using System.Collections.Generic;
using System.IO;

namespace Apilink
{
    /// <summary>The native library, libapilink: where it is, and its version.</summary>
    public static class Library
    {
        /// <summary>The environment variable that names the library, or its directory.</summary>
        public const string Variable = "APILINK_LIBRARY";

        static readonly object Gate = new object();
        static Native loaded;

        /// <summary>
        /// Loads the library, and returns the path or name that it was loaded by. There is no need
        /// to call this unless the library stands at a place of its own: the first connection
        /// loads it.
        /// </summary>
        /// <param name="path">The library, or the directory that holds it. Without it, the
        /// environment variable APILINK_LIBRARY names either; otherwise the directories of this
        /// assembly and of the program are looked into; and at last the system is asked.</param>
        /// <exception cref="DllNotFoundException">The library was not found, cannot be loaded, or
        /// has another binary interface; or another one has been loaded before.</exception>
        public static string Load(string path = null)
        {
            lock (Gate)
            {
                if (loaded == null)
                    loaded = Find(path);
                else if (path != null && !Candidates(path).Contains(loaded.Path))
                    throw new DllNotFoundException(
                        $"{path} cannot be loaded: this process uses {loaded.Path} already.");
                return loaded.Path;
            }
        }

        /// <summary>The version of the library, such as "0.1.0".</summary>
        public static string Version => Native.Version;

        internal static Native Native
        {
            get
            {
                if (loaded == null)
                    Load();
                return loaded;
            }
        }

        static Native Find(string path)
        {
            var told = path ?? Environment.GetEnvironmentVariable(Variable);
            // Who says where the library is does not want another one.
            var names = string.IsNullOrEmpty(told) ? UsualNames() : Candidates(told);
            var tried = new List<string>();
            foreach (var name in names)
            {
                var problem = "there is no such file";
                if (!Path.IsPathRooted(name) || File.Exists(name))
                {
                    var module = Loader.Open(name, out problem);
                    if (module != IntPtr.Zero && (problem = Native.Mismatch(module)) == null)
                        return new Native(module, name);
                }
                tried.Add($"{name}: {problem}");
            }
            throw new DllNotFoundException(
                "libapilink cannot be loaded. Give its path to Library.Load, or in the environment "
                + $"variable {Variable}. Tried:\n  " + string.Join("\n  ", tried));
        }

        /// <summary>The files that a path may mean: itself, or those within a directory.</summary>
        static List<string> Candidates(string path)
        {
            var full = Path.GetFullPath(path);
            return Directory.Exists(full) ? Within(full) : new List<string> { full };
        }

        static List<string> Within(string directory)
        {
            var files = new List<string>();
            foreach (var name in Loader.FileNames)
                files.Add(Path.Combine(directory, name));
            return files;
        }

        static List<string> UsualNames()
        {
            var names = new List<string>();
            // Empty where the assembly is part of a single-file program.
            var assembly = typeof(Library).Assembly.Location;
            if (!string.IsNullOrEmpty(assembly))
                names.AddRange(Within(Path.GetDirectoryName(assembly)));
            foreach (var file in Within(Path.GetFullPath(AppDomain.CurrentDomain.BaseDirectory)))
                if (!names.Contains(file))
                    names.Add(file);
            names.AddRange(Loader.FileNames);
            return names;
        }
    }
}
