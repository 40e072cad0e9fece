/** The reasons for quarantine: what each means, and what to do. */

/** @type {Record<string, [string, string]>} */
export const REASONS = {
  "reason.too_large": ["Too large", "ใหญ่เกินไป"],
  "reason.empty": ["Empty", "ว่างเปล่า"],
  "reason.not_utf8": ["Not text", "ไม่ใช่ข้อความ"],
  "reason.malformed_json": ["Broken JSON", "JSON ไม่สมบูรณ์"],
  "reason.duplicate_key": ["A key twice", "คีย์ซ้ำ"],
  "reason.wrong_type": ["Wrong type", "ชนิดข้อมูลผิด"],
  "reason.missing_field": ["A field is missing", "ขาดฟิลด์"],
  "reason.unknown_field": ["Unknown field", "ฟิลด์ไม่รู้จัก"],
  "reason.not_finite": ["Not a number", "ไม่ใช่ตัวเลข"],
  "reason.no_values": ["No values", "ไม่มีค่า"],
  "reason.bad_time": ["Bad time", "เวลาผิด"],
  "reason.bad_position": ["Bad position", "ตำแหน่งผิด"],
  "reason.bad_quantity": ["Bad quantity name", "ชื่อปริมาณผิด"],
  "reason.bad_device": ["Bad device name", "ชื่ออุปกรณ์ผิด"],
  "reason.too_many_readings": ["Too many readings", "ข้อมูลมากเกินไป"],
  "reason.bad_topic": ["Bad topic", "หัวข้อผิด"],
  "reason.unknown_workstream": ["Unknown workstream", "สายงานไม่รู้จัก"],
  "reason.unknown_kind": ["Unknown kind", "ชนิดไม่รู้จัก"],
  "reason.pack_version": ["Unknown pack version", "รุ่นชุดข้อมูลไม่รู้จัก"],
  "reason.pack_malformed": ["Broken pack", "ชุดข้อมูลเสียหาย"],
  "reason.pack_foreign": ["Pack of another gateway", "ชุดข้อมูลของเกตเวย์อื่น"],
  "reason.undecoded": ["Could not be decoded", "ถอดรหัสไม่ได้"],
  "reason.no_codec": ["No decoder for it", "ไม่มีตัวถอดรหัส"],
  "reason.unread": ["Nothing of it was read", "ไม่มีข้อมูลใดถูกอ่าน"],
  "reason.partly_read": ["A part of it was not read", "ข้อมูลบางส่วนไม่ถูกอ่าน"],
  "reason.clock_ahead": ["Clock runs ahead", "นาฬิกาเร็วเกินไป"],
  "reason.budget_messages": ["Too many messages", "ข้อความมากเกินโควตา"],
  "reason.budget_bytes": ["Too many bytes", "ไบต์มากเกินโควตา"],
  "reason.budget_devices": ["Too many new devices", "อุปกรณ์ใหม่มากเกินโควตา"],
  "reason.budget_quantities": ["Too many new quantities", "ปริมาณใหม่มากเกินโควตา"],
  "reason.store_refused": ["The store refused it", "คลังข้อมูลปฏิเสธ"],
  "todo.payload": [
    "Mend what the device or its network server sends; what is kept here stays as it came.",
    "แก้ไขข้อมูลที่อุปกรณ์หรือเซิร์ฟเวอร์เครือข่ายส่งมา ข้อมูลที่กักไว้จะคงเดิม",
  ],
  "todo.name": [
    "Mend the device's name or topic. Trying again helps only after the platform was taught the name.",
    "แก้ชื่ออุปกรณ์หรือหัวข้อ การลองใหม่จะได้ผลเมื่อระบบรู้จักชื่อนั้นแล้ว",
  ],
  "todo.decoder": [
    "Name the device's decoder in gateway.toml, or update the platform, then try again.",
    "ระบุตัวถอดรหัสใน gateway.toml หรือปรับรุ่นระบบ แล้วลองใหม่",
  ],
  "todo.clock": [
    "Set the device's clock. What is held can be tried again once its time has come.",
    "ตั้งนาฬิกาของอุปกรณ์ ข้อมูลที่กักไว้ลองใหม่ได้เมื่อถึงเวลานั้น",
  ],
  "todo.budget": [
    "Find out why this source sends so much. When it is meant, raise its budget and try again.",
    "หาสาเหตุที่แหล่งนี้ส่งข้อมูลมาก หากตั้งใจ ให้เพิ่มโควตาแล้วลองใหม่",
  ],
  "todo.pack": [
    "Update or reset the gateway that sent it; compare its version with the platform's.",
    "ปรับรุ่นหรือตั้งค่าเกตเวย์ใหม่ และเทียบรุ่นกับระบบกลาง",
  ],
  "todo.store": [
    "Look at the store: its types may differ from the catalog's. Then try again.",
    "ตรวจสอบคลังข้อมูล ชนิดข้อมูลอาจไม่ตรงกับแค็ตตาล็อก แล้วลองใหม่",
  ],
};

/** @type {Record<string, string>} */
const ADVICE = {
  bad_device: "name",
  bad_topic: "name",
  unknown_workstream: "name",
  unknown_kind: "name",
  bad_quantity: "name",
  undecoded: "decoder",
  no_codec: "decoder",
  unread: "decoder",
  partly_read: "decoder",
  clock_ahead: "clock",
  store_refused: "store",
  pack_version: "pack",
  pack_malformed: "pack",
  pack_foreign: "pack",
  budget_messages: "budget",
  budget_bytes: "budget",
  budget_devices: "budget",
  budget_quantities: "budget",
};

/** Names of all reasons. */
export const REASON_KEYS = Object.keys(REASONS)
  .filter((key) => key.startsWith("reason."))
  .map((key) => key.slice(7));

/** The message that says what to do about a reason. @param {string} reason */
export const advice = (reason) => `todo.${ADVICE[reason] ?? "payload"}`;
