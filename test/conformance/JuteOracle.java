import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.apache.jute.BinaryInputArchive;
import org.apache.jute.BinaryOutputArchive;
import org.apache.jute.Record;
import org.apache.zookeeper.MultiOperationRecord;
import org.apache.zookeeper.MultiResponse;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;

/**
 * Asks ZooKeeper's own record classes. One command per line, one answer line each:
 *
 * <pre>
 * parse RECORD HEX   -> JSON HEX   what the class makes of the bytes, and the bytes it makes of that; - is no bytes
 * make RECORD SEED   -> JSON HEX   a random record
 * </pre>
 *
 * RECORD is a class of org.apache.zookeeper.proto or .data, MultiOperationRecord or MultiResponse; to make, also
 * MultiReadRecord and MultiReadResponse, which are those two with reads in them. In the JSON, longs are strings,
 * buffers strings of hex. What goes wrong is answered as {@code error TEXT}.
 */
public class JuteOracle {

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.US_ASCII);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ");
            String answer;
            try {
                answer = words[0].equals("make")
                    ? answerOf(make(words[1], new Random(Long.parseLong(words[2]))))
                    : parse(words[1], words[2].equals("-") ? new byte[0] : unhex(words[2]));
            } catch (Exception | LinkageError e) {
                answer = "error " + e.toString().replace('\n', ' ');
            }
            out.println(answer);
            out.flush();
        }
    }

    private static String parse(String name, byte[] bytes) throws Exception {
        Record record = blank(name);
        ByteArrayInputStream in = new ByteArrayInputStream(bytes);
        record.deserialize(BinaryInputArchive.getArchive(in), "it");
        if (in.available() > 0) {
            return "error " + in.available() + " bytes are left";
        }
        return answerOf(record);
    }

    private static String answerOf(Record record) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        record.serialize(BinaryOutputArchive.getArchive(bytes), "it");
        StringBuilder json = new StringBuilder();
        dump(json, record);
        String digits = hex(bytes.toByteArray());
        return json + " " + (digits.isEmpty() ? "-" : digits);
    }

    private static Record blank(String name) throws Exception {
        switch (name) {
            case "MultiOperationRecord":
                return new MultiOperationRecord();
            case "MultiResponse":
                return new MultiResponse();
            default:
                return (Record) classOf(name).getDeclaredConstructor().newInstance();
        }
    }

    private static Class<?> classOf(String name) throws ClassNotFoundException {
        try {
            return Class.forName("org.apache.zookeeper.proto." + name);
        } catch (ClassNotFoundException e) {
            return Class.forName("org.apache.zookeeper.data." + name);
        }
    }

    private static List<Field> fieldsOf(Class<?> type) {
        List<Field> fields = new ArrayList<>();
        for (Field field : type.getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers())) {
                field.setAccessible(true);
                fields.add(field);
            }
        }
        return fields;
    }

    // ------------------------------------------------------------ random records

    private static Record make(String name, Random random) throws Exception {
        boolean reads = name.equals("MultiReadRecord") || name.equals("MultiReadResponse");
        if (name.equals("MultiOperationRecord") || name.equals("MultiReadRecord")) {
            MultiOperationRecord multi = new MultiOperationRecord();
            for (int i = random.nextInt(6); i > 0; i--) {
                multi.add(reads ? randomRead(random) : randomOp(random));
            }
            return multi;
        }
        if (name.equals("MultiResponse") || name.equals("MultiReadResponse")) {
            MultiResponse multi = new MultiResponse();
            for (int i = random.nextInt(6); i > 0; i--) {
                multi.add(reads ? randomReadResult(random) : randomResult(random));
            }
            return multi;
        }
        return (Record) random(classOf(name), random);
    }

    private static Object random(Class<?> type, Random random) throws Exception {
        Object record = type.getDeclaredConstructor().newInstance();
        for (Field field : fieldsOf(type)) {
            field.set(record, randomField(field, random));
        }
        return record;
    }

    private static Object randomField(Field field, Random random) throws Exception {
        Class<?> type = field.getType();
        if (type == boolean.class) {
            return random.nextBoolean();
        } else if (type == int.class) {
            return random.nextInt();
        } else if (type == long.class) {
            return isTime(field.getName()) ? random.nextLong() >> 11 : random.nextLong();
        } else if (type == String.class) {
            return randomText(random);
        } else if (type == byte[].class) {
            return randomBytes(random);
        } else if (type == List.class) {
            Class<?> of = (Class<?>) ((ParameterizedType) field.getGenericType()).getActualTypeArguments()[0];
            List<Object> list = new ArrayList<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                list.add(of == String.class ? randomText(random) : random(of, random));
            }
            return list;
        }
        return random(type, random);
    }

    /** Those that JavaScript holds in a number get 53 bits. */
    private static boolean isTime(String field) {
        return field.equals("ctime") || field.equals("mtime") || field.equals("ttl");
    }

    private static byte[] randomBytes(Random random) {
        if (random.nextInt(4) == 0) {
            return null;
        }
        byte[] bytes = new byte[random.nextInt(30)];
        random.nextBytes(bytes);
        return bytes;
    }

    /** One, two and three bytes of UTF-8; no surrogates, which Java writes in its own way. */
    private static String randomText(Random random) {
        StringBuilder text = new StringBuilder("/");
        for (int i = random.nextInt(12); i > 0; i--) {
            int[] limits = {0x80, 0x800, 0xd800};
            text.append((char) random.nextInt(limits[random.nextInt(limits.length)]));
        }
        return text.toString();
    }

    @SuppressWarnings("unchecked")
    private static List<ACL> randomAcl(Random random) throws Exception {
        for (Field field : fieldsOf(classOf("CreateRequest"))) {
            if (field.getName().equals("acl")) {
                return (List<ACL>) randomField(field, random);
            }
        }
        throw new IllegalStateException("no acl in CreateRequest");
    }

    private static Op randomOp(Random random) throws Exception {
        String path = randomText(random);
        switch (random.nextInt(6)) {
            case 0:
                return Op.create(path, randomBytes(random), randomAcl(random), random.nextInt(4));
            case 1:
                return Op.create(path, randomBytes(random), randomAcl(random), 4);
            case 2:
                return Op.create(path, randomBytes(random), randomAcl(random), 5 + random.nextInt(2),
                    random.nextLong() >>> 12);
            case 3:
                return Op.delete(path, random.nextInt());
            case 4:
                return Op.setData(path, randomBytes(random), random.nextInt());
            default:
                return Op.check(path, random.nextInt());
        }
    }

    private static Op randomRead(Random random) {
        String path = randomText(random);
        return random.nextBoolean() ? Op.getData(path) : Op.getChildren(path);
    }

    private static OpResult randomReadResult(Random random) throws Exception {
        switch (random.nextInt(3)) {
            case 0:
                return new OpResult.GetDataResult(randomBytes(random), (Stat) random(Stat.class, random));
            case 1:
                List<String> names = new ArrayList<>();
                for (int i = random.nextInt(4); i > 0; i--) {
                    names.add(randomText(random));
                }
                return new OpResult.GetChildrenResult(names);
            default:
                return new OpResult.ErrorResult(random.nextInt());
        }
    }

    private static OpResult randomResult(Random random) throws Exception {
        switch (random.nextInt(6)) {
            case 0:
                return new OpResult.CreateResult(randomText(random));
            case 1:
                return new OpResult.CreateResult(randomText(random), (Stat) random(Stat.class, random));
            case 2:
                return new OpResult.DeleteResult();
            case 3:
                return new OpResult.SetDataResult((Stat) random(Stat.class, random));
            case 4:
                return new OpResult.CheckResult();
            default:
                return new OpResult.ErrorResult(random.nextInt());
        }
    }

    // ------------------------------------------------------------ JSON

    private static void dump(StringBuilder json, Object value) throws Exception {
        if (value == null || value instanceof Integer || value instanceof Boolean) {
            json.append(value);
        } else if (value instanceof Long) {
            json.append('"').append(value).append('"');
        } else if (value instanceof String) {
            quote(json, (String) value);
        } else if (value instanceof byte[]) {
            json.append('"').append(hex((byte[]) value)).append('"');
        } else if (value instanceof Iterable<?>) {
            String separator = "[";
            for (Object item : (Iterable<?>) value) {
                json.append(separator);
                separator = ",";
                dump(json, item);
            }
            json.append(separator.equals("[") ? "[]" : "]");
        } else if (value instanceof Op) {
            dumpPart(json, ((Op) value).getType(), ((Op) value).toRequestRecord());
        } else if (value instanceof OpResult) {
            dumpResult(json, (OpResult) value);
        } else {
            String separator = "{";
            for (Field field : fieldsOf(value.getClass())) {
                json.append(separator).append('"').append(field.getName()).append("\":");
                separator = ",";
                dump(json, field.get(value));
            }
            json.append(separator.equals("{") ? "{}" : "}");
        }
    }

    private static void dumpPart(StringBuilder json, int type, Object value) throws Exception {
        json.append("{\"type\":").append(type).append(",\"value\":");
        dump(json, value);
        json.append('}');
    }

    private static void dumpResult(StringBuilder json, OpResult result) throws Exception {
        json.append("{\"type\":").append(result.getType()).append(",\"value\":{");
        if (result instanceof OpResult.ErrorResult) {
            json.append("\"err\":").append(((OpResult.ErrorResult) result).getErr());
        } else if (result instanceof OpResult.SetDataResult) {
            json.append("\"stat\":");
            dump(json, ((OpResult.SetDataResult) result).getStat());
        } else if (result instanceof OpResult.GetDataResult) {
            json.append("\"data\":");
            dump(json, ((OpResult.GetDataResult) result).getData());
            json.append(",\"stat\":");
            dump(json, ((OpResult.GetDataResult) result).getStat());
        } else if (result instanceof OpResult.GetChildrenResult) {
            json.append("\"children\":");
            dump(json, ((OpResult.GetChildrenResult) result).getChildren());
        } else if (result instanceof OpResult.CreateResult) {
            json.append("\"path\":");
            quote(json, ((OpResult.CreateResult) result).getPath());
            if (result.getType() == ZooDefs.OpCode.create2) {
                json.append(",\"stat\":");
                dump(json, ((OpResult.CreateResult) result).getStat());
            }
        }
        json.append("}}");
    }

    /** Pure ASCII and without blanks, so that an answer stays one line of two words. */
    private static void quote(StringBuilder json, String text) {
        json.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c > ' ' && c < 0x7f && c != '"' && c != '\\') {
                json.append(c);
            } else {
                json.append(String.format("\\u%04x", (int) c));
            }
        }
        json.append('"');
    }

    private static String hex(byte[] bytes) {
        StringBuilder digits = new StringBuilder();
        for (byte b : bytes) {
            digits.append(String.format("%02x", b));
        }
        return digits.toString();
    }

    private static byte[] unhex(String digits) {
        byte[] bytes = new byte[digits.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(digits.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }
}
