#include "formats/mapped-file.h"

#include "engine/error.h"

#include <cerrno>
#include <cstring>

#ifdef _WIN32
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

#include <filesystem>
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace ggclip {

namespace {

[[noreturn]] void not_found(const std::string & path, const std::string & why) {
    throw error(error_code::FILE_NOT_FOUND, path + ": cannot be read: " + why);
}

[[noreturn]] void empty_file(const std::string & path) {
    throw error(error_code::FILE_TRUNCATED, path + ": expected a model file, found an empty file");
}

}  // namespace

#ifdef _WIN32

std::shared_ptr<const mapped_file> mapped_file::open(const std::string & path) {
    std::shared_ptr<mapped_file> file(new mapped_file(path));
    const std::wstring wide = std::filesystem::u8path(path).wstring();
    // FILE_SHARE_DELETE: a mapped model may still be renamed or removed, as elsewhere
    HANDLE handle = CreateFileW(wide.c_str(), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                                FILE_ATTRIBUTE_NORMAL, nullptr);
    if (handle == INVALID_HANDLE_VALUE) {
        not_found(path, "system error " + std::to_string(GetLastError()));
    }
    LARGE_INTEGER size;
    const bool    has_size = GetFileSizeEx(handle, &size) != 0;
    if (!has_size || size.QuadPart == 0) {
        CloseHandle(handle);
        empty_file(path);
    }
    // the view keeps the section and the file open after both handles are closed
    HANDLE section = CreateFileMappingW(handle, nullptr, PAGE_READONLY, 0, 0, nullptr);
    CloseHandle(handle);
    if (section == nullptr) {
        not_found(path, "mapping failed with system error " + std::to_string(GetLastError()));
    }
    const void * view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
    const DWORD  code = GetLastError();
    CloseHandle(section);
    if (view == nullptr) {
        not_found(path, "mapping failed with system error " + std::to_string(code));
    }
    file->data_ = static_cast<const uint8_t *>(view);
    file->size_ = static_cast<size_t>(size.QuadPart);
    return file;
}

mapped_file::~mapped_file() {
    if (data_ != nullptr) {
        UnmapViewOfFile(data_);
    }
}

void mapped_file::release(const uint8_t * begin, size_t n_bytes) {
    if (n_bytes > 0) {
        // documented effect on pages that are not locked: they leave the working set
        VirtualUnlock(const_cast<uint8_t *>(begin), n_bytes);
    }
}

#else

std::shared_ptr<const mapped_file> mapped_file::open(const std::string & path) {
    std::shared_ptr<mapped_file> file(new mapped_file(path));
    // O_NONBLOCK: opening a FIFO by mistake must not wait for a writer; no effect on regular files
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) {
        not_found(path, strerror(errno));
    }
    struct stat info;
    if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
        ::close(descriptor);
        not_found(path, "not a regular file");
    }
    if (info.st_size == 0) {
        ::close(descriptor);
        empty_file(path);
    }
    const size_t size = static_cast<size_t>(info.st_size);
    void *       data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    const int    code = errno;
    ::close(descriptor);
    if (data == MAP_FAILED) {
        if (code == ENOMEM) throw error(error_code::OUT_OF_MEMORY, path + ": no address space to map it");
        not_found(path, std::string("mapping failed: ") + strerror(code));
    }
    file->data_ = static_cast<const uint8_t *>(data);
    file->size_ = size;
    return file;
}

mapped_file::~mapped_file() {
    if (data_ != nullptr) {
        munmap(const_cast<uint8_t *>(data_), size_);
    }
}

void mapped_file::release(const uint8_t * begin, size_t n_bytes) {
    const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const uintptr_t low = reinterpret_cast<uintptr_t>(begin), high = low + n_bytes;
    const uintptr_t first = (low + page - 1) / page * page, last = high / page * page;  // whole pages only
    if (first < last) {
        madvise(reinterpret_cast<void *>(first), last - first, MADV_DONTNEED);
    }
}

#endif

}  // namespace ggclip
