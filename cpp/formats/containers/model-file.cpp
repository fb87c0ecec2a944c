#include "formats/containers/model-file.h"

#include "engine/error.h"

#include <algorithm>
#include <cstring>
#include <ctime>

namespace ggclip {

namespace {

constexpr size_t max_read = 8u << 20;  // bytes of one system call: cancelling is looked at in between

// Whether `text` begins with `start` (lower case) in letters of either case.
bool begins(const std::string & text, size_t at, const char * start) {
    for (size_t i = 0; start[i]; i++) {
        const char c = at + i < text.size() ? text[at + i] : '\0';
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != start[i]) return false;
    }
    return true;
}

// The value of a line "key value" of a Git LFS pointer.
std::string pointer_value(const std::string & text, const std::string & key) {
    const size_t at = text.find("\n" + key + " ");
    return at == std::string::npos ? ""
                                   : text.substr(at + key.size() + 2, text.find('\n', at + 1) - at - key.size() - 2);
}

}  // namespace

std::shared_ptr<const model_file> model_file::open(const std::string & path, const std::atomic<bool> * cancelled) {
    std::shared_ptr<model_file> file(new model_file(path, cancelled));
    file->disk_.emplace(path, disk_file::writers::denied, path + ":");
    file->settle();
    file->check_contents();
    return file;
}

// The state that reading starts from. Linux dates changes by a clock that ticks some hundred times a second: a file
// that was written in the current tick could change once more without a new date, so this waits for the next one.
void model_file::settle() {
    state_ = disk_->look();
#if defined(CLOCK_REALTIME_COARSE) && !defined(_WIN32)
    for (int i = 0; i < 40; i++) {
        timespec now;
        if (clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0 || now.tv_sec != state_.seconds ||
            now.tv_nsec > state_.nanoseconds)
            break;
        check_cancelled();
        const timespec pause = {0, 500000};
        nanosleep(&pause, nullptr);
        state_ = disk_->look();
    }
#endif
}

std::shared_ptr<const model_file> model_file::of_memory(std::string bytes, const std::string & name) {
    std::shared_ptr<model_file> file(new model_file(name, nullptr));
    file->memory_ = std::move(bytes);
    file->state_.size = file->memory_.size();
    file->check_contents();
    return file;
}

// Recognises files that replace a file of any kind.
void model_file::check_contents() const {
    if (state_.size == 0)
        throw_error(error_code::FILE_TRUNCATED, path_ + ": expected a model file, found an empty file");
    const std::string text = head(512);
    if (begins_with(text, "version https://git-lfs")) {
        const std::string size = pointer_value(text, "size");
        throw_error(error_code::FILE_FORMAT, path_ + ": found a Git LFS pointer in place of the file" +
                                                 (size.empty() ? "" : " of " + size.substr(0, 20) + " bytes") +
                                                 ": fetch it with `git lfs pull`, or download it");
    }
    size_t at = begins_with(text, "\xef\xbb\xbf") ? 3 : 0;
    while (at < text.size() && strchr(" \t\r\n", text[at]) != nullptr && text[at] != '\0') at++;
    for (const char * start : {"<!doctype", "<html", "<head", "<body", "<?xml", "<error>"}) {
        if (begins(text, at, start)) {
            throw_error(error_code::FILE_FORMAT, path_ + ": found a web page (" + start +
                                                     ") in place of the file: an error "
                                                     "or login page that a download saved under its name?");
        }
    }
}

void model_file::check_cancelled() const {
    if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed))
        throw_error(error_code::ABORTED, "reading was cancelled");
}

void model_file::changed(const std::string & how) const {
    throw_error(error_code::FILE_CHANGED, path_ + ": expected a file that stays as it is while it is read, found " +
                                              how + ": write a new model beside it and rename it");
}

void model_file::read(uint64_t offset, size_t n, void * dst) const {
    if (offset > state_.size || n > state_.size - offset) {  // readers check what files say: this is for their mistakes
        throw_error(error_code::FILE_TRUNCATED, path_ + ": expected " + std::to_string(n) + " bytes at byte " +
                                                    std::to_string(offset) + ", found a file of " +
                                                    std::to_string(state_.size));
    }
    check_cancelled();
    auto * to = static_cast<uint8_t *>(dst);
    if (!disk_) {
        if (n > 0) memcpy(to, memory_.data() + offset, n);
        return;
    }
    while (n > 0) {
        const size_t got = disk_->read_some(offset, std::min(n, max_read), to);
        if (got == 0) {
            changed("its end at byte " + std::to_string(offset) + " where " + std::to_string(state_.size) +
                    " bytes were");
        }
        offset += got;
        to += got;
        n -= got;
        check_cancelled();
    }
}

void model_file::check_unchanged() const {
    if (!disk_) return;
    const file_state now = disk_->look();
    if (now.size != state_.size)
        changed(std::to_string(now.size) + " bytes where " + std::to_string(state_.size) + " were");
    if (now.seconds != state_.seconds || now.nanoseconds != state_.nanoseconds) changed("that it was written to");
}

std::string model_file::head(size_t n) const {
    std::string out((size_t) std::min<uint64_t>(n, state_.size), '\0');
    read(0, out.size(), &out[0]);
    return out;
}

std::string model_file::text(size_t max) const {
    if (state_.size > max) {
        throw_error(error_code::FILE_LIMIT, path_ + ": expected at most " + std::to_string(max) + " bytes, found " +
                                                std::to_string(state_.size));
    }
    std::string out = head(max);
    check_unchanged();
    return out;
}

}  // namespace ggclip
